//! Public keys of an issuer: a JWK set (RFC 7517), each key pinned to one algorithm.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header};

/// Keys of one set. Beyond: the rest is ignored.
const KEYS_MAX: usize = 64;

struct Key {
    id: Option<String>,
    /// The only algorithm that it verifies, whatever a token says.
    alg: Algorithm,
    key: DecodingKey,
}

/// The keys that tokens may be signed with.
#[derive(Default)]
pub struct KeySet(Vec<Key>);

impl std::fmt::Debug for KeySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|k| (&k.id, k.alg))).finish()
    }
}

/// A key that a token's header asks for.
pub(super) enum Found<'a> {
    One(Algorithm, &'a DecodingKey),
    /// No key of that name: the set may have a newer one.
    Unknown,
    /// There is one, and it is not for this.
    Wrong,
}

impl KeySet {
    /// Reads a JWK set. What is no public signing key of RS256, ES256 or EdDSA is ignored: a set
    /// may hold keys for other uses.
    ///
    /// # Errors
    /// If it is no set, or nothing in it can be used.
    pub fn read(json: &[u8]) -> Result<Self, String> {
        let set: serde_json::Value = serde_json::from_slice(json).map_err(|e| e.to_string())?;
        let list = set.get("keys").and_then(serde_json::Value::as_array);
        let list = list.ok_or("not a JWK set: no array keys")?;
        let keys: Vec<Key> = list.iter().filter_map(read_key).take(KEYS_MAX).collect();
        if keys.is_empty() {
            return Err("holds no key for RS256, ES256 or EdDSA".to_owned());
        }
        Ok(Self(keys))
    }

    /// The key for a token's header. A token that names no key is only believed if a single key
    /// is for its algorithm.
    pub(super) fn find(&self, header: &Header) -> Found<'_> {
        let named: Vec<&Key> = match &header.kid {
            Some(kid) => self.0.iter().filter(|k| k.id.as_ref() == Some(kid)).collect(),
            None => self.0.iter().filter(|k| k.alg == header.alg).collect(),
        };
        match (named.as_slice(), &header.kid) {
            ([], Some(_)) => Found::Unknown,
            ([key], _) if key.alg == header.alg => Found::One(key.alg, &key.key),
            _ => Found::Wrong,
        }
    }
}

fn read_key(value: &serde_json::Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(value.clone()).ok()?;
    if jwk.common.public_key_use.as_ref().is_some_and(|u| *u != PublicKeyUse::Signature) {
        return None;
    }
    let (alg, name) = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(p) if p.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        AlgorithmParameters::OctetKeyPair(p) if p.curve == EllipticCurve::Ed25519 => {
            (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
        }
        _ => return None, // a secret has no place in a public set
    };
    if jwk.common.key_algorithm.is_some_and(|said| said != name) {
        return None;
    }
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    Some(Key { id: jwk.common.key_id, alg, key })
}
