//! Credentials go where they belong, follow their files, and are never shown. TLS is tested with a real Prometheus in
//! `tests/measure`.

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use axum::http::{HeaderMap, StatusCode, header};

use super::{
    super::{
        AllowedAddresses, Authorization, CertificateFiles, Client, ClientOptions, CredentialError, CredentialFiles,
        MeasureRequest, MetricQuery, Queries, measure,
    },
    client::serve,
};

/// A directory of one test.
struct Files(PathBuf);

impl Files {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("siskin-credentials-{test}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Writes a file as a Secret's volume does: another file takes its place.
    fn write(&self, name: &str, text: &str) -> PathBuf {
        let (path, new) = (self.0.join(name), self.0.join(format!("{name}.new")));
        fs::write(&new, text).unwrap();
        fs::rename(&new, &path).unwrap();
        path
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A server that writes down what it was shown; gives its address.
async fn witness() -> (String, Arc<Mutex<Vec<Option<String>>>>) {
    let shown = Arc::new(Mutex::new(Vec::new()));
    let writer = Arc::clone(&shown);
    let address = serve(move |headers: HeaderMap| async move {
        let value = headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
        writer.lock().unwrap().push(value);
        StatusCode::UNAUTHORIZED
    })
    .await;
    (address, shown)
}

async fn look(client: &Client, address: Option<&str>) -> String {
    let queries = Queries::Threshold("up".into());
    let metric = MetricQuery { name: "a".into(), namespace: "shop".into(), address: address.map(Into::into), queries };
    let request = MeasureRequest { at: "2026-01-02T03:04:05Z".parse().unwrap(), metrics: vec![metric] };
    measure(client, &request).await.metrics[0].1.gap().unwrap().to_string()
}

fn client(default: &str, further: &[String], files: CredentialFiles) -> Result<Client, CredentialError> {
    let addresses = AllowedAddresses::new(default, further).unwrap();
    Client::with_credentials(addresses, ClientOptions::default(), files)
}

fn bearer(token: PathBuf) -> CredentialFiles {
    CredentialFiles { authorization: Some(Authorization::Bearer(token)), ..CredentialFiles::default() }
}

#[tokio::test]
async fn a_token_is_shown_to_the_default_address_and_below_it_and_to_no_other() {
    let files = Files::new("address");
    let (default, shown) = witness().await;
    let (other, shown_other) = witness().await;
    let client = client(
        &format!("{default}/team-a"),
        &[other.clone(), default.clone()],
        bearer(files.write("token", "s3cret\n")),
    )
    .unwrap();

    let gap = look(&client, None).await;
    assert_eq!(gap, "Prometheus denies access: it answered 401 Unauthorized");
    look(&client, Some(&format!("{default}/team-a/x"))).await;
    look(&client, Some(&format!("{default}/team-b"))).await;
    look(&client, Some(&other)).await;
    let token = Some("Bearer s3cret".to_owned());
    assert_eq!(*shown.lock().unwrap(), [token.clone(), token, None]);
    assert_eq!(*shown_other.lock().unwrap(), [None]);
    assert!(!format!("{client:?}").contains("s3cret"));
}

#[tokio::test]
async fn a_token_that_was_rotated_is_the_next_one_shown_and_a_broken_one_is_not() {
    let files = Files::new("rotation");
    let (default, shown) = witness().await;
    let token = files.write("token", "one");
    let client = client(&default, &[], bearer(token.clone())).unwrap();
    look(&client, None).await;
    files.write("token", "two");
    look(&client, None).await;
    files.write("token", "\n");
    look(&client, None).await;
    fs::remove_file(&token).unwrap();
    look(&client, None).await;
    files.write("token", "three");
    look(&client, None).await;
    let expected = ["one", "two", "two", "two", "three"].map(|token| Some(format!("Bearer {token}")));
    assert_eq!(*shown.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_user_is_shown_with_the_password() {
    let files = Files::new("basic");
    let (default, shown) = witness().await;
    let basic = Authorization::Basic { user: "siskin".into(), password: files.write("password", "pass: word\r\n") };
    let files = CredentialFiles { authorization: Some(basic), ..CredentialFiles::default() };
    look(&client(&default, &[], files).unwrap(), None).await;
    assert_eq!(*shown.lock().unwrap(), [Some("Basic c2lza2luOnBhc3M6IHdvcmQ=".to_owned())]);
}

#[test]
fn files_that_can_not_be_used_are_named_and_never_shown() {
    let files = Files::new("broken");
    let sentence = |files: CredentialFiles| client("http://p:9090", &[], files).unwrap_err().to_string();
    let missing = files.0.join("missing");
    let shown = missing.display();
    let said = sentence(bearer(missing.clone()));
    assert!(said.starts_with(&format!("token can't be read from {shown}: No such file")), "{said}");

    let said = sentence(bearer(files.write("token", "\n")));
    assert!(said.ends_with("token holds no usable token: it is empty"), "{said}");
    let said = sentence(bearer(files.write("token", "s3\ncret")));
    assert!(said.ends_with("holds no usable token: a header can't hold it") && !said.contains("s3"), "{said}");

    let authorities = Some(files.write("ca", "s3cret"));
    let said = sentence(CredentialFiles { authorities, ..CredentialFiles::default() });
    assert!(said.contains("ca holds no usable certificates of authorities") && !said.contains("s3cret"), "{said}");

    let certificate =
        Some(CertificateFiles { certificate: files.write("cert", "s3cret"), key: files.write("key", "s3cret") });
    let said = sentence(CredentialFiles { certificate, ..CredentialFiles::default() });
    assert!(said.contains("cert holds no usable certificate with its key") && !said.contains("s3cret"), "{said}");
}
