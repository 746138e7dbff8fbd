//! Merging by the REST API.

use serde_json::json;

use super::super::actions::merge::MergeOrder;
use super::super::git::{Ident, NewCommit};
use super::super::http::answer::Answer;
use super::super::problem::Problem;
use super::super::state::pulls::Method;
use super::{Call, Outcome};

pub(super) fn is_merged(call: &mut Call) -> Outcome {
    let pull = call.world.pull(call.number(0)?)?;
    if pull.merged.is_some() {
        return Ok(Answer::empty());
    }
    Err(Problem::not_found())
}

pub(super) fn merge(call: &mut Call) -> Outcome {
    let number = call.number(0)?;
    let method = call.text("merge_method").and_then(Method::named);
    let order = MergeOrder {
        method: method.unwrap_or(Method::Merge),
        sha: call.owned("sha"),
        title: call.owned("commit_title"),
        message: call.owned("commit_message"),
    };
    let sha = call.world.merge_pull(number, &order, call.by)?;
    Ok(Answer::ok(json!({
        "sha": sha,
        "merged": true,
        "message": "Pull Request successfully merged",
    })))
}

/// Merges the base into the head.
pub(super) fn update_branch(call: &mut Call) -> Outcome {
    let number = call.number(0)?;
    let pull = call.world.pull(number)?.clone();
    if call
        .text("expected_head_sha")
        .is_some_and(|it| it != pull.head)
    {
        let why = "expected head sha didn’t match current head ref.";
        return Err(Problem::new(422, why));
    }
    let repo = &call.world.repo;
    if repo.is_ancestor(&pull.base_sha, &pull.head) {
        let why = "There are no new commits on the base branch.";
        return Err(Problem::new(422, why));
    }
    let tree = repo.merged_tree(&pull.head, &pull.base_sha);
    let tree = tree.ok_or_else(|| Problem::new(422, "merge conflict between base and head"))?;
    let made = repo.make(&NewCommit {
        tree: &tree,
        parents: &[&pull.head, &pull.base_sha],
        author: &Ident::of(call.world.account(call.by)),
        committer: &Ident::github(),
        message: &format!("Merge branch '{}' into {}", pull.base, pull.branch),
        signed: true,
    });
    call.world.repo.move_branch(&pull.branch, &made, &pull.head);
    call.world.branches_moved(call.by);
    let url = format!("{}/pulls/{number}", call.world.repo_api());
    let message = "Updating pull request branch.";
    Ok(Answer::new(202, json!({"message": message, "url": url})))
}
