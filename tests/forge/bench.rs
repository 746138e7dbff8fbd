//! A GitHub with a fleet repository and a branch of ours, and a forge that asks it.

use fleetwright::domain::CommitId;
use fleetwright::forge::{Access, Clock, Features, Forge, Identity, NewPull};

use crate::stand_in::{GitHub, Options, Role};

pub(crate) const BRANCH: &str = "fleetwright/x";

pub(crate) fn start() -> GitHub {
    started(Options::default())
}

/// A GitHub with a main branch, and a branch of ours on top of it.
pub(crate) fn started(options: Options) -> GitHub {
    let github = GitHub::start(options);
    github.seed("main", &[("README.md", "fleet\n")]);
    github
        .user("fleetwright", Role::Write)
        .pushes(BRANCH, "Change", &[("stores/a.yaml", "a\n")]);
    github
}

pub(crate) fn access(github: &GitHub) -> Access {
    let app = github.app();
    Access {
        api: github.api_url(),
        repository: "acme/fleet".to_owned(),
        identity: Identity::App {
            id: app.id,
            private_key: std::fs::read(app.key_file).unwrap(),
            installation: None,
        },
        features: Features {
            comments: true,
            teams: true,
        },
        clock: Clock::default(),
    }
}

/// Runs a script with a forge in a runtime of its own.
pub(crate) fn script(github: &GitHub, script: impl AsyncFnOnce(Forge)) {
    with(access(github), script);
}

pub(crate) fn with(access: Access, script: impl AsyncFnOnce(Forge)) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async move { script(Forge::connect(access).unwrap()).await });
}

pub(crate) fn new_pull() -> NewPull {
    NewPull {
        branch: BRANCH.to_owned(),
        base: "main".to_owned(),
        title: "Create a".to_owned(),
        body: "It is asked for.".to_owned(),
    }
}

pub(crate) fn head(github: &GitHub, branch: &str) -> CommitId {
    github.head(branch).unwrap().parse().unwrap()
}
