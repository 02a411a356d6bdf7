//! Where the host of a node is. Ureq would look that up for each request, on a thread of its own.

use std::sync::OnceLock;

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Looks the host up once, for an agent that talks to no other.
#[derive(Debug, Default)]
pub struct Once {
    found: OnceLock<ResolvedSocketAddrs>,
    resolver: DefaultResolver,
}

impl Resolver for Once {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        if let Some(found) = self.found.get() {
            return Ok(found.clone());
        }
        let found = self.resolver.resolve(uri, config, timeout)?;
        Ok(self.found.get_or_init(|| found).clone())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn resolve(resolver: &Once, uri: &str) -> Result<String, Error> {
        let found = resolver.resolve(&uri.parse().unwrap(), &Config::default(), NextTimeout::default())?;
        Ok(found.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn a_host_is_looked_up_until_it_is_found() {
        let resolver = Once::default();
        assert!(resolve(&resolver, "gopher://127.0.0.1:1234/").is_err());
        assert_eq!(resolve(&resolver, "http://127.0.0.1:1234/").unwrap(), "127.0.0.1:1234");
        assert_eq!(resolve(&resolver, "gopher://127.0.0.1:1234/").unwrap(), "127.0.0.1:1234");
    }
}
