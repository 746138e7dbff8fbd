//! The connection to one cluster, made anew when its configuration or credentials change.
//!
//! kube renews what it can by itself: tokens of files and of programs that the kubeconfig names. It reads the kubeconfig
//! and client certificates once, and a program's client certificate too; so those are looked at here.
//! Must not know: what is watched, nor when to look.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use super::{CONNECT, ClusterError, REQUEST, SILENCE, Target};

/// The connection of one cluster. None before the first was made.
pub(super) struct Connection {
    target: Target,
    line: watch::Sender<Option<Client>>,
    /// What the present client was made of.
    made_of: Mutex<Option<Fingerprint>>,
}

/// A digest over everything that a client is made of: credentials must be compared, not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fingerprint([u8; 32]);

/// A client that nobody uses yet.
pub(super) struct Fresh {
    client: Client,
    made_of: Fingerprint,
}

/// When a client is made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Renew {
    /// When it would be made of something else.
    Changed,
    /// In any case: the present one does not work.
    Always,
}

impl Connection {
    /// A connection that is not made yet. Reads the configuration, so that a mistake in it is told at once; runs no
    /// program that it names and asks no server.
    pub(super) async fn open(target: Target) -> Result<Self, ClusterError> {
        load(&target).await?;
        Ok(Self {
            target,
            line: watch::channel(None).0,
            made_of: Mutex::default(),
        })
    }

    /// The present client.
    pub(super) fn client(&self) -> Option<Client> {
        self.line.borrow().clone()
    }

    /// The present client and each that follows. The same one may come again: everything is to be read afresh.
    pub(super) fn clients(&self) -> watch::Receiver<Option<Client>> {
        self.line.subscribe()
    }

    /// Has everything read afresh through the present client.
    pub(super) fn begin_anew(&self) {
        self.line.send_modify(|_| {});
    }

    /// Reads the configuration again and makes a client where `renew` says so, for [`Connection::take`]. On an error
    /// the present one stays.
    pub(super) async fn refresh(&self, renew: Renew) -> Result<Option<Fresh>, ClusterError> {
        let config = load(&self.target).await?;
        let made_of = fingerprint(&config);
        if renew == Renew::Changed && self.made_of() == Some(made_of) {
            return Ok(None);
        }
        let client = make(config).await?;
        Ok(Some(Fresh { client, made_of }))
    }

    /// Has everything read afresh through this client from now on.
    pub(super) fn take(&self, fresh: Fresh) {
        *self.made_of.lock().unwrap_or_else(PoisonError::into_inner) = Some(fresh.made_of);
        self.line.send_replace(Some(fresh.client));
    }

    fn made_of(&self) -> Option<Fingerprint> {
        *self.made_of.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a client. A program that the kubeconfig names is run for it, and may hang.
async fn make(mut config: Config) -> Result<Client, ClusterError> {
    config.connect_timeout = Some(CONNECT);
    config.read_timeout = Some(SILENCE);
    let making = tokio::task::spawn_blocking(|| Client::try_from(config));
    match tokio::time::timeout(REQUEST, making).await {
        Ok(Ok(Ok(client))) => Ok(client),
        Ok(Ok(Err(source))) => Err(ClusterError::client(&source)),
        Ok(Err(source)) => Err(ClusterError::client(&source)),
        Err(_) => Err(ClusterError::Client {
            why: format!("it was not made within {} s", REQUEST.as_secs()),
        }),
    }
}

async fn load(target: &Target) -> Result<Config, ClusterError> {
    let options = KubeConfigOptions {
        context: target.context.clone(),
        ..KubeConfigOptions::default()
    };
    let file = match (&target.kubeconfig, &target.context) {
        (Some(path), _) => Kubeconfig::read_from(path),
        (None, Some(_)) => Kubeconfig::read(),
        (None, None) => {
            return Config::infer()
                .await
                .map_err(|source| ClusterError::kubeconfig(target, &source));
        }
    };
    let file = file.map_err(|source| ClusterError::kubeconfig(target, &source))?;
    let config = Config::from_custom_kubeconfig(file, &options).await;
    config.map_err(|source| ClusterError::kubeconfig(target, &source))
}

/// Whether two configurations make the same client: the address, whom to trust, and the credentials with the files they
/// lie in.
fn fingerprint(config: &Config) -> Fingerprint {
    let mut digest = Sha256::new();
    let mut add = |part: &[u8]| {
        digest.update(part.len().to_be_bytes());
        digest.update(part);
    };
    add(config.cluster_url.to_string().as_bytes());
    let proxy = config.proxy_url.as_ref().map(ToString::to_string);
    add(format!("{proxy:?} {:?}", config.tls_server_name).as_bytes());
    add(&[u8::from(config.accept_invalid_certs)]);
    for certificate in config.root_cert.iter().flatten() {
        add(certificate);
    }
    let auth = &config.auth_info;
    add(&serde_json::to_vec(auth).unwrap_or_default());
    for path in [&auth.client_certificate, &auth.client_key, &auth.token_file] {
        let bytes = path.as_ref().map(|path| std::fs::read(Path::new(path)));
        add(&bytes.and_then(Result::ok).unwrap_or_default());
    }
    Fingerprint(digest.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KUBECONFIG: &str = "
apiVersion: v1
kind: Config
current-context: one
clusters:
  - {name: one, cluster: {server: 'http://127.0.0.1:1'}}
  - {name: two, cluster: {server: 'http://127.0.0.1:2'}}
contexts:
  - {name: one, context: {cluster: one, user: ann}}
  - {name: two, context: {cluster: two, user: ann}}
users:
  - {name: ann, user: {token: first}}
";

    fn target(path: &Path, context: Option<&str>) -> Target {
        Target {
            kubeconfig: Some(path.to_owned()),
            context: context.map(str::to_owned),
            namespace: "fleet".to_owned(),
            namespace_prefix: "store-".to_owned(),
        }
    }

    /// Whether another client was made.
    async fn renewed(connection: &Connection, renew: Renew) -> bool {
        let fresh = connection.refresh(renew).await.expect("a good file");
        let made = fresh.is_some();
        if let Some(fresh) = fresh {
            connection.take(fresh);
        }
        made
    }

    #[tokio::test]
    async fn a_client_is_made_anew_when_it_would_be_another() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config");
        let write = |text: &str| std::fs::write(&path, text).expect("written");
        write(KUBECONFIG);
        let connection = Connection::open(target(&path, None)).await.expect("read");
        assert!(connection.client().is_none(), "nothing is made at once");
        assert!(renewed(&connection, Renew::Changed).await);
        assert!(!renewed(&connection, Renew::Changed).await);
        assert!(renewed(&connection, Renew::Always).await);
        for (what, from, to, new) in [
            ("another token", "first", "second", true),
            (
                "the context points elsewhere",
                "current-context: one",
                "current-context: two",
                true,
            ),
            (
                "what is not ours",
                "name: one, cluster",
                "name: one , cluster",
                false,
            ),
        ] {
            let text = std::fs::read_to_string(&path).expect("it is there");
            write(&text.replace(from, to));
            assert_eq!(renewed(&connection, Renew::Changed).await, new, "{what}");
        }
    }

    #[tokio::test]
    async fn a_renewed_certificate_file_is_seen_and_a_broken_one_keeps_the_client() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let folder = tempfile::tempdir().expect("a folder");
        let (path, token) = (folder.path().join("config"), folder.path().join("token"));
        let user = format!("{{tokenFile: '{}'}}", token.display());
        let text = KUBECONFIG.replace("{token: first}", &user);
        std::fs::write(&path, text).expect("written");
        std::fs::write(&token, "first").expect("written");
        let connection = Connection::open(target(&path, Some("two")))
            .await
            .expect("read");
        assert!(renewed(&connection, Renew::Changed).await);
        std::fs::write(&token, "second").expect("written");
        assert!(renewed(&connection, Renew::Changed).await);

        std::fs::write(&path, "contexts: 7").expect("written");
        let broken = connection.refresh(Renew::Changed).await;
        let error = broken.err().expect("it is broken");
        assert!(
            error.to_string().contains("cannot use the kubeconfig"),
            "{error}"
        );
        assert!(connection.client().is_some());
    }
}
