//! A Git server that fails in every way there is: told, waited for, and everything arrives once.

use crate::git_server::Fault;
use crate::support::eventually;
use crate::world::{SOON, World, state_of};

#[test]
fn what_is_accepted_waits_for_a_server_that_fails_and_arrives_once() {
    let world = World::begin();
    world.made("first");
    let mut all = Vec::new();
    for (round, (fault, words)) in [
        (Fault::Status(500), "500"),
        (Fault::Status(401), "refuses the credentials"),
        (Fault::Status(403), "refuses the credentials"),
        (Fault::Hangs, "did not answer"),
        (Fault::HangsAfterPush, "timed out"),
        (Fault::BreaksAfterPush, "cannot be reached"),
    ]
    .into_iter()
    .enumerate()
    {
        // the fault begins while requests come in
        world.git.set_fault(fault);
        let changes: Vec<String> = (0..5)
            .map(|n| world.ask(&format!("s{round}-{n}")))
            .collect();
        world.told(words);
        for change in &changes {
            let state = state_of(&world.api(), change);
            assert!(
                ["queued", "written", "merged"].contains(&state.as_str()),
                "nothing fails: {state} under {fault:?}"
            );
        }
        world.git.set_fault(Fault::None);
        for change in &changes {
            world.api().change_in(change, "merged", SOON);
        }
        world.well();
        all.extend(changes);
        world.once(&all);
    }
    world.audit();
}

#[test]
fn a_server_that_refuses_everything_blames_no_change() {
    let world = World::begin();
    world.made("first");
    world.hook("pre-receive", "echo 'the archive is read-only' >&2; exit 1");
    let changes: Vec<String> = (0..8).map(|n| world.ask(&format!("s{n}"))).collect();
    world.told("the archive is read-only");
    // tried often enough to have looked at single changes
    eventually("changes were tried alone", SOON, || {
        let tried = world.server.said().matches("did not go through").count();
        if tried >= 6 {
            Ok(())
        } else {
            Err(format!("{tried} pushes"))
        }
    });
    eventually("every change is written and none has failed", SOON, || {
        let states: Vec<String> = changes
            .iter()
            .map(|it| state_of(&world.api(), it))
            .collect();
        assert!(
            states.iter().all(|it| it == "written" || it == "queued"),
            "{states:?}"
        );
        if states.iter().all(|it| it == "written") {
            Ok(())
        } else {
            Err(format!("{states:?}"))
        }
    });
    world.told("the archive is read-only");
    world.unhook("pre-receive");
    for change in &changes {
        world.api().change_in(change, "merged", SOON);
    }
    world.well();
    world.once(&changes);
    world.audit();
}
