//! How the controller shows the default Prometheus who it is, and knows that it is that one: a bearer token, or a user
//! and a password, a certificate of its own, and the authority that signed the server's. All but the user's name come
//! from files, are read again when the files change, and are in no log, sentence or `Debug` text.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::{
    Certificate, Identity,
    header::{AUTHORIZATION, HeaderMap, HeaderValue},
    redirect,
};

/// The files that credentials are in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CredentialFiles {
    /// What is said in the header `Authorization`.
    pub authorization: Option<Authorization>,
    /// The certificates of the authorities that may have signed the server's, as PEM; instead of the system's.
    pub authorities: Option<PathBuf>,
    /// The controller's own certificate with its key.
    pub certificate: Option<CertificateFiles>,
}

/// What is said in the header `Authorization`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// `Bearer`, with the token in this file.
    Bearer(PathBuf),
    /// `Basic`.
    Basic {
        /// The user's name.
        user: String,
        /// The file with the password.
        password: PathBuf,
    },
}

/// A certificate and its key, as PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate, and those that lead from it to an authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Why credentials can't be used. Says where they are, never what they are.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// A file can't be read.
    #[error("{what} can't be read from {}: {problem}", path.display())]
    Unreadable {
        /// What should be in it.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The operating system's words.
        problem: io::Error,
    },
    /// A file holds something else.
    #[error("{} holds no usable {what}: {problem}", path.display())]
    Unusable {
        /// What should be in it.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The HTTP client can't be made.
    #[error("the HTTP client for Prometheus can't be made: {0}")]
    Client(String),
}

impl CredentialFiles {
    fn all(&self) -> Vec<&Path> {
        let Self { authorization, authorities, certificate } = self;
        let mut paths: Vec<&Path> = Vec::new();
        paths.extend(authorization.iter().map(|authorization| match authorization {
            Authorization::Bearer(path) | Authorization::Basic { password: path, .. } => path.as_path(),
        }));
        paths.extend(authorities.iter().map(PathBuf::as_path));
        paths.extend(certificate.iter().flat_map(|files| [files.certificate.as_path(), files.key.as_path()]));
        paths
    }

    fn read(&self, connect_timeout: Duration) -> Result<reqwest::Client, CredentialError> {
        let mut builder = builder(connect_timeout);
        if let Some(path) = &self.authorities {
            let what = "certificates of authorities";
            let unusable = |problem: String| CredentialError::Unusable { what, path: path.clone(), problem };
            let authorities =
                Certificate::from_pem_bundle(&read(what, path)?).map_err(|error| unusable(error.to_string()))?;
            if authorities.is_empty() {
                return Err(unusable("it has no PEM block `CERTIFICATE`".to_owned()));
            }
            builder = builder.tls_certs_only(authorities);
        }
        if let Some(CertificateFiles { certificate, key }) = &self.certificate {
            let mut pem = read("a certificate", certificate)?;
            pem.push(b'\n');
            pem.extend(read("the key of a certificate", key)?);
            let identity = Identity::from_pem(&pem).map_err(|error| CredentialError::Unusable {
                what: "certificate with its key",
                path: certificate.clone(),
                problem: format!("together with {}: {error}", key.display()),
            })?;
            builder = builder.identity(identity);
        }
        if let Some(authorization) = &self.authorization {
            builder = builder.default_headers(HeaderMap::from_iter([(AUTHORIZATION, authorization.header()?)]));
        }
        builder.build().map_err(|error| CredentialError::Client(super::client::root(&error)))
    }
}

impl Authorization {
    fn header(&self) -> Result<HeaderValue, CredentialError> {
        let (what, path) = match self {
            Self::Bearer(path) => ("token", path),
            Self::Basic { password, .. } => ("password", password),
        };
        let unusable =
            |problem: &str| CredentialError::Unusable { what, path: path.clone(), problem: problem.to_owned() };
        let text = String::from_utf8(read(what, path)?).map_err(|_| unusable("it is not UTF-8"))?;
        // Files often end with a new line, which no secret does.
        let secret = text.trim_end_matches(['\n', '\r']);
        if secret.is_empty() {
            return Err(unusable("it is empty"));
        }
        let value = match self {
            Self::Bearer(_) => format!("Bearer {secret}"),
            Self::Basic { user, .. } => format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{secret}"))),
        };
        let mut header = HeaderValue::from_str(&value).map_err(|_| unusable("a header can't hold it"))?;
        header.set_sensitive(true);
        Ok(header)
    }
}

fn read(what: &'static str, path: &Path) -> Result<Vec<u8>, CredentialError> {
    fs::read(path).map_err(|problem| CredentialError::Unreadable { what, path: path.to_owned(), problem })
}

/// What every HTTP client to a Prometheus has in common.
pub(super) fn builder(connect_timeout: Duration) -> reqwest::ClientBuilder {
    // The HTTP client panics where the process has no TLS provider yet; where it has one, this changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .user_agent(concat!("siskin/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(connect_timeout)
        // A redirect would leave the allowed addresses, or turn the POST into a GET without a query.
        .redirect(redirect::Policy::none())
}

/// The credentials as they are now.
pub(super) struct Access {
    files: CredentialFiles,
    connect_timeout: Duration,
    known: Mutex<(Vec<Stamp>, reqwest::Client)>,
}

/// What changes with a file: a Secret that is mounted changes by another file taking its place.
type Stamp = Option<(u64, i64, i64, u64)>;

fn stamp(path: &Path) -> Stamp {
    let found = fs::metadata(path).ok()?;
    Some((found.ino(), found.mtime(), found.mtime_nsec(), found.size()))
}

impl Access {
    pub(super) fn new(files: CredentialFiles, connect_timeout: Duration) -> Result<Self, CredentialError> {
        let stamps = files.all().into_iter().map(stamp).collect();
        let current = files.read(connect_timeout)?;
        Ok(Self { files, connect_timeout, known: Mutex::new((stamps, current)) })
    }

    /// The client for a request that is sent now. While changed files can't be used, those read before stay: a Secret
    /// may be changed file by file.
    pub(super) fn current(&self) -> reqwest::Client {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let stamps: Vec<Stamp> = self.files.all().into_iter().map(stamp).collect();
        if stamps != known.0 {
            known.0 = stamps;
            match self.files.read(self.connect_timeout) {
                Ok(current) => known.1 = current,
                Err(error) => tracing::warn!(%error, "the credentials for Prometheus stay what they were"),
            }
        }
        known.1.clone()
    }
}

impl std::fmt::Debug for Access {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Access").field("files", &self.files).finish_non_exhaustive()
    }
}
