//! How each component is started: its flags, its environment and its log.

use std::fs::File;
use std::process::{Command, Stdio};

use super::component::Component;
use super::error::Error;
use super::ports::Port;
use super::processes::bound_to_parent;
use super::setup::Setup;

/// The command of `component`; its output is appended to its log.
pub(super) fn command(setup: &Setup, component: Component) -> Result<Command, Error> {
    let mut command = bound_to_parent(setup.programs.path(component.name()));
    setup.environment(&mut command, &setup.temporary(component)?);
    let path = setup.log_path(component);
    let log = File::options()
        .create(true)
        .append(true)
        .open(&path)
        .map_err(Error::file(&path))?;
    let errors = log.try_clone().map_err(Error::file(&path))?;
    command
        .args(flags(setup, component)?)
        .current_dir(setup.work.path())
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors);
    Ok(command)
}

fn flags(setup: &Setup, component: Component) -> Result<Vec<String>, Error> {
    match component {
        Component::Etcd => etcd(setup),
        Component::ApiServer => Ok(api_server(setup)),
        Component::ControllerManager => Ok(controller_manager(setup)),
        Component::Scheduler => Ok(scheduler(setup)),
        Component::Kwok => kwok(setup),
        Component::SourceController => source_controller(setup),
        Component::KustomizeController => Ok(kustomize_controller(setup)),
        Component::HelmController => Ok(helm_controller(setup)),
        Component::SourceWatcher => source_watcher(setup),
        Component::NotificationController => Ok(notification_controller(setup)),
    }
}

/// The data goes with the testbed, so nothing waits for a disk.
fn etcd(setup: &Setup) -> Result<Vec<String>, Error> {
    let client = format!("http://{}", setup.ports.address(Port::EtcdClient));
    let peer = format!("http://{}", setup.ports.address(Port::EtcdPeer));
    Ok(vec![
        format!("--data-dir={}", setup.data(Component::Etcd)?.display()),
        "--unsafe-no-fsync".into(),
        "--quota-backend-bytes=4294967296".into(),
        "--log-level=warn".into(),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=default={peer}"),
    ])
}

fn api_server(setup: &Setup) -> Vec<String> {
    let key = |file| setup.certificates.path(file);
    let address = setup.ports.address(Port::ApiServer);
    let mut flags = vec![
        format!(
            "--etcd-servers=http://{}",
            setup.ports.address(Port::EtcdClient)
        ),
        "--bind-address=127.0.0.1".into(),
        "--advertise-address=127.0.0.1".into(),
        format!("--secure-port={}", setup.ports.get(Port::ApiServer)),
        // A loopback address may not be an endpoint of the Service `kubernetes`, and nothing here calls that Service.
        "--endpoint-reconciler-type=none".into(),
        format!("--tls-cert-file={}", key("apiserver.crt")),
        format!("--tls-private-key-file={}", key("apiserver.key")),
        format!("--client-ca-file={}", key("ca.crt")),
        "--authorization-mode=RBAC".into(),
        format!("--service-account-issuer=https://{address}"),
        format!("--service-account-key-file={}", key("sa.pub")),
        format!("--service-account-signing-key-file={}", key("sa.key")),
        format!(
            "--service-cluster-ip-range={}",
            setup.options.service_cluster_ip_range
        ),
        "--allow-privileged=true".into(),
        "--profiling=false".into(),
    ];
    if setup.options.control_plane_only {
        // They want what only controllers make, such as accounts, and look for it at 50 requests a second at most.
        let without = "ServiceAccount,ResourceQuota,LimitRanger";
        flags.push(format!("--disable-admission-plugins={without}"));
    }
    flags
}

fn controller_manager(setup: &Setup) -> Vec<String> {
    let key = |file| setup.certificates.path(file);
    let mut flags = clients(setup);
    flags.extend([
        "--use-service-account-credentials".into(),
        format!("--root-ca-file={}", key("ca.crt")),
        format!("--service-account-private-key-file={}", key("sa.key")),
        // The fake node's heartbeat may be late while the machine compiles; its pods shall stay.
        "--node-monitor-grace-period=10m".into(),
        "--kube-api-qps=500".into(),
        "--kube-api-burst=1000".into(),
    ]);
    flags
}

fn scheduler(setup: &Setup) -> Vec<String> {
    let mut flags = clients(setup);
    flags.extend(["--kube-api-qps=500".into(), "--kube-api-burst=1000".into()]);
    flags
}

/// What the two have in common that are clients of the API only: no port, and no rival to elect a leader against.
fn clients(setup: &Setup) -> Vec<String> {
    vec![
        format!("--kubeconfig={}", setup.kubeconfig.display()),
        "--leader-elect=false".into(),
        "--secure-port=0".into(),
        "--profiling=false".into(),
    ]
}

fn kwok(setup: &Setup) -> Result<Vec<String>, Error> {
    let mut flags = vec![
        format!("--kubeconfig={}", setup.kubeconfig.display()),
        "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake".into(),
        // Room for more pods than the default of 254, beside the range of the Services.
        "--cidr=10.64.0.1/10".into(),
    ];
    for stage in setup.programs.stages()? {
        flags.push(format!("--config={}", stage.display()));
    }
    Ok(flags)
}

fn source_controller(setup: &Setup) -> Result<Vec<String>, Error> {
    let mut flags = reconciler(setup, Port::SourceMetrics, Port::SourceHealth);
    flags.extend(storage(setup, Component::SourceController)?);
    flags.push("--concurrent=10".into());
    Ok(flags)
}

fn source_watcher(setup: &Setup) -> Result<Vec<String>, Error> {
    let mut flags = reconciler(setup, Port::WatcherMetrics, Port::WatcherHealth);
    flags.extend(storage(setup, Component::SourceWatcher)?);
    flags.push("--no-cross-namespace-refs=true".into());
    Ok(flags)
}

fn kustomize_controller(setup: &Setup) -> Vec<String> {
    let mut flags = reconciler(setup, Port::KustomizeMetrics, Port::KustomizeHealth);
    flags.extend(lock_down());
    flags.extend([
        "--no-remote-bases=true".into(),
        "--concurrent=20".into(),
        "--feature-gates=ExternalArtifact=true".into(),
    ]);
    flags
}

fn helm_controller(setup: &Setup) -> Vec<String> {
    let mut flags = reconciler(setup, Port::HelmMetrics, Port::HelmHealth);
    flags.extend(lock_down());
    flags.extend([
        "--concurrent=10".into(),
        "--graceful-shutdown-timeout=5s".into(),
        "--feature-gates=ExternalArtifact=true".into(),
    ]);
    flags
}

/// It takes events of the other controllers too, and none is sent to it.
fn notification_controller(setup: &Setup) -> Vec<String> {
    let mut flags = flux(setup, Port::NotificationMetrics, Port::NotificationHealth);
    let address = |port| setup.ports.address(port);
    flags.extend([
        format!("--events-addr={}", address(Port::NotificationEvents)),
        format!("--receiverAddr={}", address(Port::NotificationReceiver)),
        "--no-cross-namespace-refs=true".into(),
    ]);
    flags
}

/// Flux's multi-tenant lock-down: what a Kustomization or release may reach is its own namespace, as an account of its own.
fn lock_down() -> [String; 2] {
    [
        "--no-cross-namespace-refs=true".into(),
        "--default-service-account=default".into(),
    ]
}

/// Flags of the Flux controllers that fetch and apply: they tell nobody what they do.
fn reconciler(setup: &Setup, metrics: Port, health: Port) -> Vec<String> {
    let mut flags = flux(setup, metrics, health);
    flags.extend([
        "--events-addr=".into(),
        "--requeue-dependency=1s".into(),
        "--interval-jitter-percentage=0".into(),
    ]);
    flags
}

/// Flags of all Flux controllers. Waiting is kept short, so that tests are.
fn flux(setup: &Setup, metrics: Port, health: Port) -> Vec<String> {
    vec![
        format!("--metrics-addr={}", setup.ports.address(metrics)),
        format!("--health-addr={}", setup.ports.address(health)),
        "--min-retry-delay=200ms".into(),
        "--max-retry-delay=5s".into(),
        "--kube-api-qps=500".into(),
        "--kube-api-burst=1000".into(),
        "--log-level=info".into(),
    ]
}

/// Where a controller keeps its artifacts and serves them.
fn storage(setup: &Setup, component: Component) -> Result<[String; 3], Error> {
    let port = match component {
        Component::SourceWatcher => Port::WatcherStorage,
        _ => Port::SourceStorage,
    };
    let address = setup.ports.address(port);
    Ok([
        format!("--storage-path={}", setup.data(component)?.display()),
        format!("--storage-addr={address}"),
        format!("--storage-adv-addr={address}"),
    ])
}
