//! The keys of one cluster, made afresh at every start: an authority, the API server's certificate, an administrator's, and the
//! pair that signs service account tokens.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};

use super::error::Error;

/// Where the files lie, and the texts that a kubeconfig holds.
#[derive(Debug)]
pub(super) struct Certificates {
    folder: PathBuf,
    /// The authority's certificate, PEM.
    pub(super) authority: String,
    authority_key: String,
    /// The administrator's certificate, PEM.
    pub(super) client: String,
    /// The administrator's key, PEM.
    pub(super) client_key: String,
}

impl Certificates {
    /// Makes all of them and writes into `folder` what the processes read.
    pub(super) fn make(folder: &Path) -> Result<Self, Error> {
        let key = KeyPair::generate()?;
        let params = authority()?;
        let authority = params.self_signed(&key)?.pem();
        let authority_key = key.serialize_pem();
        let issuer = Issuer::new(params, key);
        let (server, server_key) = sign(&issuer, server()?)?;
        let (client, client_key) = sign(&issuer, administrator()?)?;
        let accounts = KeyPair::generate()?;

        std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).map_err(Error::file(path))
        };
        write("ca.crt", &authority)?;
        write("apiserver.crt", &server)?;
        write("apiserver.key", &server_key)?;
        write("sa.pub", &accounts.public_key_pem())?;
        write("sa.key", &accounts.serialize_pem())?;
        Ok(Self {
            folder: folder.to_owned(),
            authority,
            authority_key,
            client,
            client_key,
        })
    }

    /// A further certificate of the administrator's, good for `lifetime` from now, and its key, both PEM.
    pub(super) fn short_lived(&self, lifetime: Duration) -> Result<(String, String), Error> {
        let issuer = Issuer::new(authority()?, KeyPair::from_pem(&self.authority_key)?);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let mut params = administrator()?;
        params.not_after = date_time_ymd(1970, 1, 1) + now.unwrap_or_default() + lifetime;
        sign(&issuer, params)
    }

    /// The path of one file: `ca.crt`, `apiserver.crt`, `apiserver.key`, `sa.pub` or `sa.key`.
    pub(super) fn path(&self, file: &str) -> String {
        self.folder.join(file).display().to_string()
    }
}

fn authority() -> Result<CertificateParams, Error> {
    let mut params = named("fleetwright-testbed", None)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn server() -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::new(
        [
            "127.0.0.1",
            "localhost",
            "kubernetes.default",
            "kubernetes.default.svc",
        ]
        .map(String::from),
    )?;
    params.distinguished_name = named("kube-apiserver", None)?.distinguished_name;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

/// The group `system:masters` may do everything, whatever RBAC says.
fn administrator() -> Result<CertificateParams, Error> {
    let mut params = named("testbed-admin", Some("system:masters"))?;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params)
}

fn named(common_name: &str, organization: Option<&str>) -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    if let Some(organization) = organization {
        params
            .distinguished_name
            .push(DnType::OrganizationName, organization);
    }
    Ok(params)
}

fn sign(
    issuer: &Issuer<'_, KeyPair>,
    mut params: CertificateParams,
) -> Result<(String, String), Error> {
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, issuer)?;
    Ok((certificate.pem(), key.serialize_pem()))
}
