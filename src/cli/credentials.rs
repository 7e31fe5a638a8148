//! How a command shows Prometheus who it is: the files that say so, and one name.

use std::path::PathBuf;

use crate::measure::{Authorization, CertificateFiles, CredentialFiles};

/// Credentials for the Prometheus that is named on the command line; no other address is shown them. Files are read
/// again when they change.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Credentials for Prometheus")]
pub(super) struct CredentialArgs {
    /// File with a token that is shown to it as `Authorization: Bearer`
    #[arg(long = "prometheus-bearer-token-file", env = "SISKIN_PROMETHEUS_BEARER_TOKEN_FILE", value_name = "FILE", conflicts_with_all = ["username", "password_file"])]
    token_file: Option<PathBuf>,
    /// User that it knows, with the password in --prometheus-password-file
    #[arg(
        long = "prometheus-username",
        env = "SISKIN_PROMETHEUS_USERNAME",
        value_name = "NAME",
        requires = "password_file"
    )]
    username: Option<String>,
    /// File with the password of --prometheus-username
    #[arg(
        long = "prometheus-password-file",
        env = "SISKIN_PROMETHEUS_PASSWORD_FILE",
        value_name = "FILE",
        requires = "username"
    )]
    password_file: Option<PathBuf>,
    /// PEM file with the authorities that may have signed its certificate [default: the system's]
    #[arg(long = "prometheus-ca-file", env = "SISKIN_PROMETHEUS_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// PEM file with a certificate to show to it
    #[arg(
        long = "prometheus-cert-file",
        env = "SISKIN_PROMETHEUS_CERT_FILE",
        value_name = "FILE",
        requires = "key_file"
    )]
    certificate_file: Option<PathBuf>,
    /// PEM file with the key of that certificate
    #[arg(
        long = "prometheus-key-file",
        env = "SISKIN_PROMETHEUS_KEY_FILE",
        value_name = "FILE",
        requires = "certificate_file"
    )]
    key_file: Option<PathBuf>,
}

impl CredentialArgs {
    /// The files, for the way to Prometheus.
    pub(super) fn files(self) -> CredentialFiles {
        let Self {
            token_file: token,
            username: user,
            password_file: password,
            ca_file: authorities,
            certificate_file: certificate,
            key_file: key,
        } = self;
        let basic = user.zip(password).map(|(user, password)| Authorization::Basic { user, password });
        CredentialFiles {
            authorization: token.map(Authorization::Bearer).or(basic),
            authorities,
            certificate: certificate.zip(key).map(|(certificate, key)| CertificateFiles { certificate, key }),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        credentials: CredentialArgs,
    }

    fn parse(arguments: &[&str]) -> Result<CredentialFiles, String> {
        let line = Line::try_parse_from([&["siskin"], arguments].concat());
        line.map(|line| line.credentials.files()).map_err(|error| error.to_string())
    }

    #[test]
    fn each_flag_is_a_file_of_the_way_to_prometheus() {
        assert_eq!(parse(&[]), Ok(CredentialFiles::default()));
        let token = parse(&["--prometheus-bearer-token-file=/t"]).unwrap();
        assert_eq!(token.authorization, Some(Authorization::Bearer("/t".into())));
        let all = parse(&[
            "--prometheus-username=u",
            "--prometheus-password-file=/p",
            "--prometheus-ca-file=/ca",
            "--prometheus-cert-file=/c",
            "--prometheus-key-file=/k",
        ]);
        let basic = Authorization::Basic { user: "u".into(), password: "/p".into() };
        let certificate = CertificateFiles { certificate: "/c".into(), key: "/k".into() };
        let (authorization, authorities) = (Some(basic), Some("/ca".into()));
        assert_eq!(all, Ok(CredentialFiles { authorization, authorities, certificate: Some(certificate) }));
    }

    #[test]
    fn half_of_a_pair_and_two_ways_at_once_are_refused() {
        for arguments in [
            &["--prometheus-username=u"][..],
            &["--prometheus-password-file=/p"],
            &["--prometheus-cert-file=/c"],
            &["--prometheus-key-file=/k"],
            &["--prometheus-bearer-token-file=/t", "--prometheus-username=u", "--prometheus-password-file=/p"],
        ] {
            assert!(parse(arguments).is_err(), "{arguments:?}");
        }
    }
}
