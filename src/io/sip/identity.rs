//! Who a certificate says its holder is (RFC 5922 §7).
//!
//! rustls' own name check accepts wildcards and knows no SIP URIs, so names are read and compared
//! here, and nowhere else.

use std::net::IpAddr;
use std::sync::Arc;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::client::verify_server_cert_signed_by_trust_anchor;
use tokio_rustls::rustls::crypto::{
    CryptoProvider, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{
    CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Names in the subjectAltName, in lower case. The common name is no name (RFC 5922 §7.1).
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Identities {
    /// Hosts of `sip:` URIs without a user part.
    sip: Vec<String>,
    /// DNS names; those with a wildcard are left out (§7.2).
    dns: Vec<String>,
    ips: Vec<IpAddr>,
}

/// Reads a certificate; one that cannot be read names nobody.
pub(super) fn of(certificate: &CertificateDer<'_>) -> Identities {
    let mut found = Identities::default();
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else { return found };
    let Ok(Some(names)) = parsed.subject_alternative_name() else { return found };
    for name in &names.value.general_names {
        match name {
            GeneralName::URI(uri) => found.sip.extend(sip_domain(uri)),
            GeneralName::DNSName(dns) if !dns.contains('*') => {
                found.dns.push(dns.trim_end_matches('.').to_ascii_lowercase());
            }
            GeneralName::IPAddress(bytes) => {
                let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
                found.ips.extend(v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from)));
            }
            _ => {} // other kinds of names say nothing about SIP
        }
    }
    found
}

/// `sip:example.com`; a URI with a user, port or parameters is no domain.
fn sip_domain(uri: &str) -> Option<String> {
    let (scheme, host) = uri.split_once(':')?;
    let plain = !host.is_empty() && !host.contains(['@', ':', ';', '?', '*', '/']);
    (scheme.eq_ignore_ascii_case("sip") && plain).then(|| host.to_ascii_lowercase())
}

impl Identities {
    /// SIP domains if there are any, else DNS names (RFC 5922 §7.1): who a client is (§7.4).
    pub(super) fn into_names(self) -> Vec<String> {
        if self.sip.is_empty() { self.dns } else { self.sip }
    }

    fn is(&self, server: &ServerName<'_>) -> bool {
        match server {
            ServerName::DnsName(name) => {
                let name = name.as_ref().trim_end_matches('.').to_ascii_lowercase();
                let names = if self.sip.is_empty() { &self.dns } else { &self.sip };
                names.contains(&name)
            }
            ServerName::IpAddress(ip) => self.ips.contains(&IpAddr::from(*ip)),
            _ => false, // a kind of name that rustls may add
        }
    }
}

/// Checks a server's chain by the roots and its name by the rules above (RFC 5922 §7.3).
#[derive(Debug)]
pub(super) struct SipServerVerifier {
    pub roots: Arc<RootCertStore>,
    pub provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for SipServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let parsed = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        let roots = &self.roots;
        verify_server_cert_signed_by_trust_anchor(&parsed, roots, intermediates, now, algorithms)?;
        if of(end_entity).is(server_name) {
            return Ok(ServerCertVerified::assertion());
        }
        Err(Error::InvalidCertificate(CertificateError::NotValidForName))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rcgen::{CertificateParams, KeyPair, SanType};

    fn identities(names: Vec<SanType>) -> Identities {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names;
        let key = KeyPair::generate().unwrap();
        of(params.self_signed(&key).unwrap().der())
    }

    fn dns(name: &str) -> SanType {
        SanType::DnsName(name.try_into().unwrap())
    }

    fn uri(uri: &str) -> SanType {
        SanType::URI(uri.try_into().unwrap())
    }

    fn is(identities: &Identities, name: &str) -> bool {
        identities.is(&ServerName::try_from(name.to_owned()).unwrap())
    }

    // proves: RFC 5922 §7.1
    // proves: RFC 5922 §7.2
    #[test]
    fn sip_uris_outrank_dns_names() {
        let both = identities(vec![dns("gw.example"), uri("sip:Carrier.example")]);
        assert!(is(&both, "carrier.EXAMPLE") && !is(&both, "gw.example"));
        assert_eq!(both.into_names(), ["carrier.example"]);
        let plain = identities(vec![dns("gw.example"), uri("https://gw.example/x")]);
        assert!(is(&plain, "gw.example"));
        assert_eq!(plain.into_names(), ["gw.example"]);
    }

    // proves: RFC 5922 §7.1
    // proves: RFC 5922 §7.2
    #[test]
    fn wildcards_users_and_ports_name_nobody() {
        let odd = identities(vec![
            dns("*.example"),
            uri("sip:alice@carrier.example"),
            uri("sip:carrier.example:5061"),
            uri("sips:carrier.example"),
        ]);
        assert_eq!(odd, Identities::default());
        assert!(!is(&odd, "a.example") && !is(&odd, "carrier.example"));
    }

    #[test]
    fn addresses_are_compared_as_addresses() {
        let ip = identities(vec![SanType::IpAddress("192.0.2.7".parse().unwrap())]);
        assert!(is(&ip, "192.0.2.7") && !is(&ip, "192.0.2.8") && !is(&ip, "a.example"));
        assert!(ip.into_names().is_empty());
    }

    #[test]
    fn what_is_no_certificate_names_nobody() {
        assert_eq!(of(&CertificateDer::from(vec![1, 2, 3])), Identities::default());
    }
}
