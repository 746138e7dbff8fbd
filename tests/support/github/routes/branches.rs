//! Branches, references and rules.

use serde_json::json;

use super::super::http::answer::Answer;
use super::super::json::branches as show;
use super::super::problem::Problem;
use super::{Call, Outcome};

fn head(call: &Call) -> Result<(String, String), Problem> {
    let name = call.parts[0].clone();
    let head = call.world.head(&name).cloned();
    head.map(|head| (name, head)).ok_or_else(Problem::not_found)
}

pub(super) fn list(call: &mut Call) -> Outcome {
    let world = &*call.world;
    let all: Vec<(&String, &String)> = world.branches.iter().collect();
    call.list(&all, |(name, head)| {
        let url = format!("{}/commits/{head}", world.repo_api());
        json!({
            "name": name,
            "commit": {"sha": head, "url": url},
            "protected": world.rules_of(name).any(),
        })
    })
}

pub(super) fn get(call: &mut Call) -> Outcome {
    let (name, head) = head(call).map_err(|_| Problem::new(404, "Branch not found"))?;
    Ok(Answer::ok(show::branch(call.world, &name, &head)))
}

pub(super) fn protection(call: &mut Call) -> Outcome {
    let (name, _) = head(call).map_err(|_| Problem::new(404, "Branch not found"))?;
    let rules = call.world.rules_of(&name);
    if rules.ruleset || !rules.any() {
        return Err(Problem::new(404, "Branch not protected"));
    }
    Ok(Answer::ok(show::protection(call.world, &name, &rules)))
}

/// Rules of rulesets, whether the branch exists or not.
pub(super) fn rules(call: &mut Call) -> Outcome {
    let rules = call.world.rules_of(&call.parts[0]);
    let shown = show::rules(call.world, &rules);
    call.list(&shown, Clone::clone)
}

pub(super) fn rulesets(call: &mut Call) -> Outcome {
    let shown = show::rulesets(call.world);
    call.list(&shown, Clone::clone)
}

pub(super) fn ruleset(call: &mut Call) -> Outcome {
    let shown = show::ruleset(call.world, call.number(0)?);
    shown.map(Answer::ok).ok_or_else(Problem::not_found)
}

pub(super) fn reference(call: &mut Call) -> Outcome {
    let (name, head) = head(call)?;
    Ok(Answer::ok(show::reference(call.world, &name, &head)))
}

/// References that begin like that.
pub(super) fn matching(call: &mut Call) -> Outcome {
    let world = &*call.world;
    let start = &call.parts[0];
    let all = world.branches.iter();
    let all: Vec<_> = all.filter(|(name, _)| name.starts_with(start)).collect();
    call.list(&all, |(name, head)| show::reference(world, name, head))
}

pub(super) fn delete(call: &mut Call) -> Outcome {
    let found = head(call);
    let (name, _) = found.map_err(|_| Problem::new(422, "Reference does not exist"))?;
    let rules = call.world.rules_of(&name);
    if (rules.any() || name == "main") && !call.world.bypasses(&rules, call.by) {
        return Err(Problem::new(422, "Cannot delete a protected branch"));
    }
    call.world.repo.delete_branch(&name);
    call.world.branches_moved(call.by);
    Ok(Answer::empty())
}
