//! How Flux's controllers are, by what they say of the objects that all stores depend on.
//!
//! Their pods need not be watched for that. Must not know: how the objects were seen.

use super::{ClusterSeen, Condition, Conditions};
use crate::domain::view::ControllerView;

impl ClusterSeen {
    /// What each of Flux's controllers says of its objects that all stores depend on.
    pub fn controllers(&self) -> Vec<ControllerView> {
        let view = |name: &str, objects: Vec<&Conditions>| {
            let ill = objects.iter().find(|it| !it.ready());
            let said = ill.map(|it| {
                let ready = it.get("Ready").map(Condition::quoted);
                ready.unwrap_or_else(|| "it has said nothing yet".to_owned())
            });
            (!objects.is_empty()).then(|| ControllerView {
                name: name.to_owned(),
                ready: ill.is_none(),
                message: said,
            })
        };
        let source = self.source.iter().map(|it| &it.meta.conditions);
        let generators = self.generators.values().map(|it| &it.meta.conditions);
        let root = self.root.iter().map(|it| &it.meta.conditions);
        let all = [
            view("source-controller", source.collect()),
            view("source-watcher", generators.collect()),
            view("kustomize-controller", root.collect()),
        ];
        all.into_iter().flatten().collect()
    }
}
