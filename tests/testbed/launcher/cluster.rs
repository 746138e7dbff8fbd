//! What lies in the cluster before a test begins: Flux's CRDs and namespace, one fake node, a storage class.

use super::error::Error;
use super::kubectl;
use super::setup::Setup;

/// Our own objects. The node says how large it is, because what kwok would say for it has no room for ephemeral storage.
const OBJECTS: &str = include_str!("objects.yaml");

/// Creates the objects and waits until the API serves Flux's kinds.
pub(super) fn install(setup: &Setup) -> Result<(), Error> {
    let crds = setup.programs.crds().display().to_string();
    kubectl::run(setup, &["apply", "--server-side", "-f", &crds])?;
    kubectl::run_with_input(setup, &["create", "-f", "-"], OBJECTS)?;
    let established = ["wait", "--for=condition=Established", "crd", "--all"];
    kubectl::run(setup, &with_limit(&established))?;
    Ok(())
}

/// Waits for what shows that kube-controller-manager and kwok work: a namespace has its account, the node is ready.
pub(super) fn wait_for_controllers(setup: &Setup) -> Result<(), Error> {
    let account = [
        "wait",
        "--for=create",
        "-n",
        "default",
        "serviceaccount/default",
    ];
    kubectl::run(setup, &with_limit(&account))?;
    let node = ["wait", "--for=condition=Ready", "node/testbed"];
    kubectl::run(setup, &with_limit(&node))?;
    Ok(())
}

fn with_limit<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    let mut all = arguments.to_vec();
    all.push("--timeout=120s");
    all
}
