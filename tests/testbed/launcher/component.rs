//! The processes of the testbed, by the names their projects give them.

/// One process of the testbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Component {
    /// The API server's store.
    Etcd,
    /// The Kubernetes API.
    ApiServer,
    /// Namespaces, Deployments, quotas, service accounts and the rest of Kubernetes' own loops.
    ControllerManager,
    /// Puts pods on the fake node.
    Scheduler,
    /// Plays the node: pods become Running at once.
    Kwok,
    /// Flux: fetches Git repositories and charts.
    SourceController,
    /// Flux: applies Kustomizations.
    KustomizeController,
    /// Flux: runs Helm releases.
    HelmController,
    /// Flux: makes artifacts of parts of a source.
    SourceWatcher,
    /// Flux: takes webhooks of Receivers. Runs only where a test starts it with `restart`.
    NotificationController,
}

impl Component {
    /// Everything that every testbed runs, in the order of starting.
    pub(crate) const ALL: [Self; 9] = [
        Self::Etcd,
        Self::ApiServer,
        Self::ControllerManager,
        Self::Scheduler,
        Self::Kwok,
        Self::SourceController,
        Self::KustomizeController,
        Self::HelmController,
        Self::SourceWatcher,
    ];

    /// The controllers of Flux: they need their CRDs before they start.
    pub(crate) const FLUX: [Self; 4] = [
        Self::SourceController,
        Self::KustomizeController,
        Self::HelmController,
        Self::SourceWatcher,
    ];

    /// The program's file name, which is also the name of its log.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Kwok => "kwok",
            Self::SourceController => "source-controller",
            Self::KustomizeController => "kustomize-controller",
            Self::HelmController => "helm-controller",
            Self::SourceWatcher => "source-watcher",
            Self::NotificationController => "notification-controller",
        }
    }
}
