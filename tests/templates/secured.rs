//! A Prometheus with TLS, certificates for clients, and users: what the controller shows is taken, and what is wrong is
//! a gap with a sentence that says so and shows no secret.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use siskin::measure::{
    AllowedAddresses, Authorization, CertificateFiles, Client, ClientOptions, CredentialFiles, MeasureRequest,
    MetricOutcome, MetricQuery, Queries, measure,
};

use crate::prometheus::Prometheus;

const USER: &str = "siskin";
const PASSWORD: &str = "open sesame";
/// bcrypt of the password, at its lowest cost.
const HASH: &str = "$2b$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy";

fn openssl(folder: &Path, arguments: &[&str]) {
    let output = Command::new("openssl").current_dir(folder).args(arguments).output().unwrap();
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// An authority, or what an authority signs: `name.pem` and `name.key`.
fn certify(folder: &Path, name: &str, by: Option<&str>) {
    let (key, certificate, subject) = (format!("{name}.key"), format!("{name}.pem"), format!("/CN={name}"));
    let mut arguments = vec!["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    arguments.extend(["-days", "2", "-subj", &subject, "-keyout", &key, "-out", &certificate]);
    let files = by.map(|by| (format!("{by}.pem"), format!("{by}.key")));
    match &files {
        Some((authority, key)) => {
            arguments.extend(["-CA", authority, "-CAkey", key, "-addext", "subjectAltName=IP:127.0.0.1"]);
            arguments.extend(["-addext", "basicConstraints=critical,CA:FALSE"]);
        }
        None => arguments.extend(["-addext", "basicConstraints=critical,CA:TRUE"]),
    }
    openssl(folder, &arguments);
}

fn start(name: &str) -> Prometheus {
    let mut prometheus = Prometheus::start_with(name, |folder| {
        certify(folder, "authority", None);
        certify(folder, "stranger", None);
        for name in ["server", "client"] {
            certify(folder, name, Some("authority"));
        }
        certify(folder, "intruder", Some("stranger"));
        fs::write(folder.join("password"), PASSWORD).unwrap();
        let file = |name: &str| folder.join(name).display().to_string();
        let web = format!(
            "tls_server_config: {{cert_file: {}, key_file: {}, client_auth_type: RequireAndVerifyClientCert, client_ca_file: {}}}\n\
             basic_auth_users: {{{USER}: '{HASH}'}}\n",
            file("server.pem"),
            file("server.key"),
            file("authority.pem"),
        );
        fs::write(folder.join("web.yml"), web).unwrap();
        vec![format!("--web.config.file={}", file("web.yml"))]
    });
    prometheus.url = prometheus.url.replace("http://", "https://");
    prometheus
}

/// Everything that this Prometheus wants.
fn credentials(folder: &Path) -> CredentialFiles {
    CredentialFiles {
        authorization: Some(Authorization::Basic { user: USER.into(), password: folder.join("password") }),
        authorities: Some(folder.join("authority.pem")),
        certificate: Some(pair(folder, "client")),
    }
}

fn pair(folder: &Path, name: &str) -> CertificateFiles {
    CertificateFiles { certificate: folder.join(format!("{name}.pem")), key: folder.join(format!("{name}.key")) }
}

fn client(prometheus: &Prometheus, files: CredentialFiles) -> Client {
    let addresses = AllowedAddresses::new(&prometheus.url, &[]).unwrap();
    Client::with_credentials(addresses, ClientOptions::default(), files).unwrap()
}

/// The value that Prometheus gives, or the sentence of why not.
async fn ask(client: &Client) -> Result<f64, String> {
    let metric = MetricQuery {
        name: "one".into(),
        namespace: "shop".into(),
        address: None,
        queries: Queries::Threshold("vector(1)".into()),
    };
    let request = MeasureRequest { at: "2026-01-02T03:04:05Z".parse().unwrap(), metrics: vec![metric] };
    match measure(client, &request).await.metrics.remove(0).1 {
        MetricOutcome::Value(value) => value.map_err(|gap| gap.to_string()),
        other => panic!("{other:?}"),
    }
}

/// Takes the place of a file, as a Secret's volume does it.
fn replace(file: &Path, by: impl AsRef<[u8]>) {
    let new = PathBuf::from(format!("{}.new", file.display()));
    fs::write(&new, by).unwrap();
    fs::rename(new, file).unwrap();
}

#[tokio::test]
async fn a_prometheus_that_asks_who_one_is_answers_those_who_show_it() {
    let prometheus = start("secured");
    let folder = &prometheus.folder;
    let all = || credentials(folder);
    assert_eq!(ask(&client(&prometheus, all())).await, Ok(1.0));

    let refused = |files| async { ask(&client(&prometheus, files)).await.unwrap_err() };
    let sentence = refused(CredentialFiles { authorities: None, ..all() }).await;
    assert!(sentence.contains("can't connect: ") && sentence.contains("certificate"), "{sentence}");
    let stranger = Some(folder.join("stranger.pem"));
    let sentence = refused(CredentialFiles { authorities: stranger, ..all() }).await;
    assert!(sentence.contains("can't connect: ") && sentence.contains("certificate"), "{sentence}");
    let sentence = refused(CredentialFiles { certificate: None, ..all() }).await;
    assert!(sentence.contains("CertificateRequired"), "{sentence}");
    let sentence = refused(CredentialFiles { certificate: Some(pair(folder, "intruder")), ..all() }).await;
    assert!(sentence.starts_with("Prometheus gives no answer: "), "{sentence}");
    let sentence = refused(CredentialFiles { authorization: None, ..all() }).await;
    assert!(sentence.contains("it answered 401 Unauthorized"), "{sentence}");
    fs::write(folder.join("wrong"), "close sesame").unwrap();
    let basic = Authorization::Basic { user: USER.into(), password: folder.join("wrong") };
    let sentence = refused(CredentialFiles { authorization: Some(basic), ..all() }).await;
    assert!(sentence.contains("it answered 401 Unauthorized") && !sentence.contains("sesame"), "{sentence}");
}

#[tokio::test]
async fn credentials_that_are_rotated_are_taken_up_without_a_restart() {
    let prometheus = start("rotated");
    let folder = &prometheus.folder;
    let files = CredentialFiles { certificate: Some(pair(folder, "shown")), ..credentials(folder) };
    for name in ["pem", "key"] {
        fs::copy(folder.join(format!("intruder.{name}")), folder.join(format!("shown.{name}"))).unwrap();
    }
    let client = client(&prometheus, files);
    assert!(ask(&client).await.is_err());

    // One file after the other, as it may happen: a certificate without its key is not taken.
    for name in ["pem", "key"] {
        replace(&folder.join(format!("shown.{name}")), fs::read(folder.join(format!("client.{name}"))).unwrap());
        let _ = ask(&client).await;
    }
    assert_eq!(ask(&client).await, Ok(1.0));

    replace(&folder.join("password"), "an older one");
    assert!(ask(&client).await.unwrap_err().contains("401"));
    replace(&folder.join("password"), format!("{PASSWORD}\n"));
    assert_eq!(ask(&client).await, Ok(1.0));
}
