//! The grammar of `fleetwright store …`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::domain::StoreName;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum StoreCommand {
    /// Ask for a new store
    Create(CreateArgs),
    /// Show one store
    Get {
        /// The store
        name: StoreName,
    },
    /// List stores
    List(StoreListArgs),
    /// Change fields of a store
    Update(UpdateArgs),
    /// Move a store to another chart version
    Upgrade {
        /// The store
        name: StoreName,
        /// The chart version
        version: String,
        /// Take an older version too
        #[arg(long)]
        allow_downgrade: bool,
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Switch a shop off; its data stays
    Suspend(ActionArgs),
    /// Switch a shop on again
    Resume(ActionArgs),
    /// Go back to an earlier state of a store; owner, hosts and volumes stay
    Rollback {
        /// The store
        name: StoreName,
        /// A commit or a change of the store; without it the state before the newest
        #[arg(long, value_name = "COMMIT|CHANGE")]
        to: Option<String>,
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Have Flux try again
    Retry {
        /// The store
        name: StoreName,
        /// How much is tried again; without it as much as the state needs
        #[arg(long, value_enum)]
        mode: Option<Mode>,
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Delete a store and its data
    Delete(ActionArgs),
    /// Print a store's phase whenever it changes, until it is at rest
    Watch {
        /// The store
        name: StoreName,
        /// Give up after so many seconds
        #[arg(long, value_name = "SECONDS")]
        timeout: Option<u64>,
    },
    /// List a store's commits, newest first
    History {
        /// The store
        name: StoreName,
    },
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ActionArgs {
    /// The store
    pub(in crate::cli) name: StoreName,
    #[command(flatten)]
    pub(in crate::cli) write: WriteArgs,
}

/// How much a retry tries again.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(in crate::cli) enum Mode {
    /// Reconcile now
    Reconcile,
    /// Reconcile, with the failure counters reset
    Reset,
    /// Install or upgrade even where nothing changed
    Force,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct CreateArgs {
    /// The name; without it the server makes one
    pub(in crate::cli) name: Option<StoreName>,
    /// The engine
    #[arg(long)]
    pub(in crate::cli) engine: String,
    /// The cluster
    #[arg(long)]
    pub(in crate::cli) cluster: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) spec: SpecArgs,
    #[command(flatten)]
    pub(in crate::cli) write: WriteArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct UpdateArgs {
    /// The store
    pub(in crate::cli) name: StoreName,
    #[command(flatten)]
    pub(in crate::cli) spec: SpecArgs,
    /// Whether a delete is refused
    #[arg(long, value_name = "true|false")]
    pub(in crate::cli) deletion_protection: Option<bool>,
    /// Update only when the store's entity tag is still this one
    #[arg(long, value_name = "ETAG")]
    pub(in crate::cli) if_match: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) write: WriteArgs,
}

/// Fields that a store is created with and that may be changed later.
#[derive(Debug, Args)]
pub(in crate::cli) struct SpecArgs {
    /// The plan
    #[arg(long)]
    pub(in crate::cli) plan: Option<String>,
    /// The owner
    #[arg(long)]
    pub(in crate::cli) owner: Option<String>,
    /// The host
    #[arg(long)]
    pub(in crate::cli) host: Option<String>,
    /// A further host; may be repeated
    #[arg(long = "extra-host", value_name = "HOST")]
    pub(in crate::cli) extra_hosts: Vec<String>,
    /// The chart version
    #[arg(
        long = "chart-version",
        visible_alias = "version",
        value_name = "VERSION"
    )]
    pub(in crate::cli) version: Option<String>,
    /// A chart value as JSON or text; dots go deeper (site.title="My shop"); may be repeated
    #[arg(long = "set", value_name = "KEY=JSON")]
    pub(in crate::cli) set: Vec<String>,
    /// Chart values from a YAML or JSON file; --set goes over them
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) values: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct WriteArgs {
    /// Wait until the change got there, at most so many seconds
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "60")]
    pub(in crate::cli) wait: Option<u64>,
    /// What to wait for
    #[arg(long, value_enum, default_value_t = Until::Merged)]
    pub(in crate::cli) until: Until,
    /// Print the plan and change nothing
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
    /// A word that makes repeating this command harmless
    #[arg(long, value_name = "KEY")]
    pub(in crate::cli) idempotency_key: Option<String>,
    /// Why, in one line; it is kept in the commit
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Until {
    /// The commit is on the published branch
    Merged,
    /// The store is as it was asked for
    Ready,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct StoreListArgs {
    /// Only this owner's
    #[arg(long)]
    pub(in crate::cli) owner: Option<String>,
    /// Only of this engine
    #[arg(long)]
    pub(in crate::cli) engine: Option<String>,
    /// Only of this plan
    #[arg(long)]
    pub(in crate::cli) plan: Option<String>,
    /// Only on this cluster
    #[arg(long)]
    pub(in crate::cli) cluster: Option<String>,
    /// Only in this phase
    #[arg(long)]
    pub(in crate::cli) phase: Option<String>,
    /// Only of this chart version
    #[arg(
        long = "chart-version",
        visible_alias = "version",
        value_name = "VERSION"
    )]
    pub(in crate::cli) version: Option<String>,
    /// Only those whose name or host holds this text
    #[arg(short, value_name = "TEXT")]
    pub(in crate::cli) q: Option<String>,
}
