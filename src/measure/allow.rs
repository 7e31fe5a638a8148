//! Which Prometheus servers the controller may call. A template names an address, and whoever may write a template is
//! not therefore allowed to make the controller send requests anywhere in the cluster: only base addresses that the
//! operator named on the command line are called, and paths below them.

use reqwest::Url;

/// Why an address is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not an address at all.
    #[error("`{address}` is not an http or https URL")]
    NotAUrl {
        /// The address as given.
        address: String,
    },
    /// A user name or password in the address would be shown in status and logs. The address is not repeated,
    /// therefore.
    #[error("the address of Prometheus at {host} has a user name or password in it; leave them out")]
    Credentials {
        /// The address' host.
        host: String,
    },
    /// What a base address can't have.
    #[error("`{address}` has {what}; give the base address, such as http://prometheus.monitoring:9090")]
    NotABase {
        /// The address as given.
        address: String,
        /// A query, a fragment, or an escape in the path.
        what: &'static str,
    },
    /// No allowed address covers it.
    #[error(
        "Prometheus at `{address}` is not allowed by this controller (allowed: {allowed}); add `--allow-prometheus={address}`"
    )]
    NotAllowed {
        /// The address as given.
        address: String,
        /// The allowed addresses, separated by commas.
        allowed: String,
    },
}

/// The default Prometheus and the further ones that templates may name.
#[derive(Clone, Debug)]
pub struct AllowedAddresses {
    default: Url,
    further: Vec<Url>,
}

impl AllowedAddresses {
    /// Takes the values of `--prometheus-url` and of every `--allow-prometheus`.
    ///
    /// # Errors
    /// One of them is not a base address.
    pub fn new(default: &str, further: &[String]) -> Result<Self, AddressError> {
        let further = further.iter().map(|address| base(address)).collect::<Result<_, _>>()?;
        Ok(Self { default: base(default)?, further })
    }

    /// The base address to call for a metric: the default one where its template names none.
    ///
    /// # Errors
    /// The address is not a base address, or no allowed one covers it.
    pub fn resolve(&self, address: Option<&str>) -> Result<Url, AddressError> {
        let Some(address) = address else { return Ok(self.default.clone()) };
        let asked = base(address)?;
        if self.all().any(|allowed| covers(allowed, &asked)) {
            return Ok(asked);
        }
        let allowed = self.all().map(Url::as_str).collect::<Vec<_>>().join(", ");
        Err(AddressError::NotAllowed { address: address.to_owned(), allowed })
    }

    /// Whether a base address is the default one or below it: the only place for which the operator gave credentials.
    pub(super) fn is_default(&self, address: &Url) -> bool {
        covers(&self.default, address)
    }

    fn all(&self) -> impl Iterator<Item = &Url> {
        std::iter::once(&self.default).chain(&self.further)
    }
}

/// Reads a base address. The URL standard's own parser lowers the host's case, leaves a default port out and resolves
/// `..`, so that what is compared is what is called.
fn base(address: &str) -> Result<Url, AddressError> {
    let not_a_url = || AddressError::NotAUrl { address: address.to_owned() };
    let url = Url::parse(address).map_err(|_| not_a_url())?;
    let host = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https")).ok_or_else(not_a_url)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(AddressError::Credentials { host: host.to_owned() });
    }
    let what = if url.query().is_some() {
        "a query"
    } else if url.fragment().is_some() {
        "a fragment"
    } else if url.path().contains('%') {
        // A proxy behind the address may decode `%2f..` after we have compared.
        "an escape in its path"
    } else {
        return Ok(url);
    };
    Err(AddressError::NotABase { address: address.to_owned(), what })
}

/// Whether a call to `asked` stays within `allowed`: same scheme, host and port, and a path that is the same or below.
fn covers(allowed: &Url, asked: &Url) -> bool {
    let server = |url: &Url| {
        let host = url.host_str().map(|host| host.trim_end_matches('.').to_owned());
        (url.scheme().to_owned(), host, url.port_or_known_default())
    };
    let prefix = allowed.path().trim_end_matches('/');
    server(allowed) == server(asked)
        && asked.path().strip_prefix(prefix).is_some_and(|below| below.is_empty() || below.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed() -> AllowedAddresses {
        let further = ["https://thanos.example.com/team-a".to_owned(), "http://[::1]:9090".to_owned()];
        AllowedAddresses::new("http://prometheus.monitoring:9090", &further).unwrap()
    }

    #[test]
    fn a_template_without_an_address_gets_the_default_one() {
        assert_eq!(allowed().resolve(None).unwrap().as_str(), "http://prometheus.monitoring:9090/");
    }

    #[test]
    fn other_spellings_of_an_allowed_address_and_paths_below_it_are_allowed() {
        for address in [
            "http://prometheus.monitoring:9090/",
            "HTTP://Prometheus.Monitoring.:9090/api/tenant",
            "https://thanos.example.com/team-a",
            "https://thanos.example.com:443/team-a/",
            "https://thanos.example.com/team-a/eu",
            "http://[0:0::1]:9090",
        ] {
            assert!(allowed().resolve(Some(address)).is_ok(), "{address}");
        }
    }

    #[test]
    fn addresses_outside_the_allowed_ones_are_refused() {
        for address in [
            "http://prometheus.monitoring:9091",
            "https://prometheus.monitoring:9090",
            "http://prometheus.monitoring",
            "http://prometheus.monitoring.evil.example:9090",
            "http://127.0.0.1:9090",
            "https://thanos.example.com",
            "https://thanos.example.com/team-ab",
            "https://thanos.example.com/team-a/../team-b",
            "https://thanos.example.com/team-a/%2e%2e/team-b",
            "https://thanos.example.com\\@metadata.internal/team-a",
        ] {
            let refused = allowed().resolve(Some(address)).unwrap_err();
            assert!(matches!(refused, AddressError::NotAllowed { .. }), "{address}: {refused}");
        }
    }

    #[test]
    fn addresses_that_can_not_be_a_base_are_refused() {
        for address in ["", "prometheus:9090", "ftp://prometheus:21", "file:///etc/passwd", "http://", "unix:/run/x"] {
            let refused = allowed().resolve(Some(address)).unwrap_err();
            assert!(matches!(refused, AddressError::NotAUrl { .. }), "{address}: {refused}");
        }
        for address in ["http://p:9090/?a=b", "http://p:9090/#a", "http://p:9090/a%2f..%2fb"] {
            let refused = allowed().resolve(Some(address)).unwrap_err();
            assert!(matches!(refused, AddressError::NotABase { .. }), "{address}: {refused}");
        }
    }

    #[test]
    fn a_password_in_an_address_is_refused_and_not_repeated() {
        let refused = allowed().resolve(Some("http://me:secret@prometheus.monitoring:9090")).unwrap_err();
        assert!(matches!(refused, AddressError::Credentials { .. }));
        assert!(!refused.to_string().contains("secret"), "{refused}");
        assert!(AllowedAddresses::new("http://me@prometheus:9090", &[]).is_err());
    }

    #[test]
    fn a_refusal_says_what_is_allowed_and_what_to_do() {
        let refused = allowed().resolve(Some("http://other:9090")).unwrap_err().to_string();
        assert!(
            refused.contains("allowed: http://prometheus.monitoring:9090/, https://thanos.example.com/team-a"),
            "{refused}"
        );
        assert!(refused.contains("--allow-prometheus=http://other:9090"), "{refused}");
    }
}
