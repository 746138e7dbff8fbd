//! What a store is told to be, row by row, against real Flux: done to real parts, told in their own words, put right.
//!
//! | what is the case | told as | proven by |
//! |---|---|---|
//! | 1: the cluster cannot be seen | Unknown | `the_loop/away.rs`; `faults::frozen_etcd`; `clusters` (away, ended credentials) |
//! | 2: a deletion is held up by a finalizer; by a namespace that does not end | Deleting | `by_hand::held_release`; `by_hand::held_namespace` |
//! | 2: deleted by hand | Deleting, then Failed (`NotInSync`) | `by_hand::deleted` |
//! | 3: deleted | Deleted | `the_loop/life.rs`, `the_loop/traps.rs`; recording `deletion` |
//! | 4: suspended by hand: the release; the Kustomization | Suspended, with the phase before | `the_loop/failing.rs`; `by_hand::suspended` |
//! | 5: not fetched yet | Committed (`WaitingForSource`) | recordings `create`, `upgrade` |
//! | 6: the source cannot be fetched; its head is not signed | Committed (`SourceFailed`) | `source::not_fetched`; `foreign::unsigned_head` |
//! | 6a: a person's folder fails the generator; a shard's artifact is missing | Committed (`SourceFailed`; `WaitingForArtifact`) | `source::bad_folder`; `source::artifact_missing` |
//! | 7: not built; refused by a quota; by a schema; by an admission policy | Degraded or Failed | `source::not_built`; `source::quota`; `source::schema`; `the_loop/traps.rs` |
//! | 7: the store's shard cannot be applied | Applying (`ShardBlocked`) | `foreign::blocked_shard` |
//! | 7, 16: a dependency is not ready | Applying | `releases::kustomization_waits`; `releases::release_waits` |
//! | 8: being applied | Applying (`Applying`) | recordings `create`, `upgrade` |
//! | 9: applied, yet the release is not as rendered | Failed (`NotInSync`) | `releases::written_over`; removed: `by_hand::deleted` |
//! | 10: retries exhausted; access denied | Degraded | `remediation::given_up`; `releases::denied` |
//! | 11: ready | Ready | the end of every scenario here |
//! | 12: drifted; pods crash after the release | Degraded | `by_hand::drifted`; `releases::crashes_later`, `releases::unpulled_later`, `live` |
//! | 13: rolled back | Degraded (`RollbackSucceeded`) | `remediation::rolled_back` |
//! | 13: going back fails; uninstalled for its failure; not even that | Failed (`RollbackFailed`, `UninstallSucceeded`, `UninstallFailed`) | `remediation::rollback_fails`; `uninstalled`; `uninstall_fails` |
//! | 14: an image that is never pulled; a container that crashes; the service range is full; a timeout | Failed | `the_loop/failing.rs`; `releases::crashes`, recording `install-failure`; `source::a_full_service_range…` (with the deadline of the change) |
//! | 15: the upgrade fails | Degraded (`UpgradeFailed`) | `releases::never_pulled` |
//! | 16: values that are not there | Failed (`ValuesError`) | `releases::without_values` |
//! | 17, 18: installing; upgrading | Provisioning (`Installing`); Applying (`Upgrading`) | recordings `create`, `install-failure`; `upgrade` |
//! | 19: no controller has looked | Committed (`NotObserved`) | `source::not_looked_at` |
//! | superseded by a later commit, whose failure is its own | the change is `superseded` | `releases::superseded`; `releases::overtaken_by_a_failure` |
//!
//! Reasons beyond Flux (docs/status.md) are in `live`, those of a shop that is asked over HTTP in `probe`. What does not
//! belong together (orphans, kept volumes) is in `remains`, what is wrong with a cluster as a whole in `alarms`. The faults around the reader are in
//! `faults` and `clusters`, asking Flux and the bootstrap in `receiver`. Scenarios of one world are played side by side, each
//! with stores of its own.

#![expect(
    clippy::unwrap_used,
    reason = "a test that meets the unexpected shall stop there"
)]
#![allow(clippy::print_stdout, reason = "figures are for whoever reads the log")]
#![cfg(feature = "testbed")]

#[allow(dead_code, reason = "each test program uses its own part of it")]
#[path = "testbed/launcher/mod.rs"]
mod launcher;

#[allow(dead_code, reason = "each test program uses its own part of it")]
mod support;

#[allow(dead_code, reason = "each test program uses its own part of it")]
#[path = "git/server.rs"]
mod git_server;

#[allow(dead_code, reason = "each test program uses its own part of it")]
#[path = "the_loop/world.rs"]
mod world;

/// These worlds wait for Flux most of the time, so there may be as many as there are test threads.
const TAKE_TURNS: bool = false;

#[path = "status/hands.rs"]
mod hands;

#[path = "status/alarms.rs"]
mod alarms;
#[path = "status/by_hand.rs"]
mod by_hand;
#[path = "status/clusters.rs"]
mod clusters;
#[path = "status/crowd.rs"]
mod crowd;
#[path = "status/faults.rs"]
mod faults;
#[path = "status/foreign.rs"]
mod foreign;
#[path = "status/live.rs"]
mod live;
#[path = "status/onlooker.rs"]
mod onlooker;
#[path = "status/probe.rs"]
mod probe;
#[path = "status/receiver.rs"]
mod receiver;
#[path = "status/recordings.rs"]
mod recordings;
#[path = "status/releases.rs"]
mod releases;
#[path = "status/remains.rs"]
mod remains;
#[path = "status/remediation.rs"]
mod remediation;
#[path = "status/replayed.rs"]
mod replayed;
#[path = "status/source.rs"]
mod source;
#[path = "status/tape.rs"]
mod tape;
