use super::*;

type Stored = (Vec<u8>, [u8; HASH_BYTES]);

fn entry(seq: u64) -> AuditEntry {
    AuditEntry {
        seq,
        at: Wall(1_767_225_600_000_000 + i64::try_from(seq).unwrap()),
        who: format!("clerk-{seq}"),
        action: "records.show".to_owned(),
        object: "018f".to_owned(),
        digest: [7; HASH_BYTES],
        commit: seq * 10,
        source: (0, 0),
    }
}

fn chain(entries: impl IntoIterator<Item = AuditEntry>) -> Vec<Stored> {
    let mut hash = [0; HASH_BYTES];
    let link = |e: AuditEntry| {
        hash = chain_hash(&hash, &e.to_bytes());
        (e.to_bytes(), hash)
    };
    entries.into_iter().map(link).collect()
}

fn signer() -> Signer {
    Signer::new(&Secret::new([4; 32])).unwrap()
}

fn head_of(log: &[Stored]) -> SignedHead {
    let hash = log.last().unwrap().1;
    signer().sign(log.len() as u64, hash, 99, Wall(5)).unwrap()
}

fn verify(log: &[Stored], head: &SignedHead) -> Result<u64, ChainFault> {
    let mut walk = ChainVerifier::new(Some(head.clone()));
    for (bytes, hash) in log {
        walk.push(bytes, hash)?;
    }
    walk.finish()?;
    Ok(walk.tip().0)
}

#[test]
fn a_whole_chain_verifies_and_may_be_longer_than_its_head() {
    let log = chain((1..=20).map(entry));
    assert_eq!(verify(&log, &head_of(&log)), Ok(20));
    assert_eq!(verify(&log, &head_of(&log[..12])), Ok(20));
}

#[test]
fn the_first_bad_entry_is_named() {
    let log = chain((1..=20).map(entry));
    let head = head_of(&log);
    for bad in 1..=20_u64 {
        let at = usize::try_from(bad).unwrap() - 1;
        let mut edited = log.clone();
        edited[at].0 = AuditEntry { who: "nobody".to_owned(), ..entry(bad) }.to_bytes();
        assert_eq!(verify(&edited, &head), Err(ChainFault::Changed { seq: bad }));

        let mut dropped = log.clone();
        dropped.remove(at);
        let fault = if bad == 20 {
            ChainFault::Truncated { last: 19, signed: 20 }
        } else {
            ChainFault::Misplaced { expected: bad, found: bad + 1 }
        };
        assert_eq!(verify(&dropped, &head), Err(fault));

        if bad < 20 {
            let mut swapped = log.clone();
            swapped.swap(at, at + 1);
            let fault = ChainFault::Misplaced { expected: bad, found: bad + 1 };
            assert_eq!(verify(&swapped, &head), Err(fault));
        }

        let mut torn = log.clone();
        torn[at].0.pop();
        assert_eq!(verify(&torn, &head), Err(ChainFault::Unreadable { expected: bad }));
    }
}

#[test]
fn a_chain_written_anew_is_not_the_signed_one() {
    let log = chain((1..=20).map(entry));
    let forged = chain((1..=20).map(|seq| {
        let who = if seq == 7 { "nobody" } else { "clerk" };
        AuditEntry { who: who.to_owned(), ..entry(seq) }
    }));
    assert_eq!(verify(&forged, &head_of(&log)), Err(ChainFault::NotSigned { seq: 20 }));
}

#[test]
fn a_cut_end_is_seen_against_the_head() {
    let log = chain((1..=20).map(entry));
    let head = head_of(&log);
    for last in 0..20 {
        let fault = ChainFault::Truncated { last: last as u64, signed: 20 };
        assert_eq!(verify(&log[..last], &head), Err(fault));
    }
}

#[test]
fn heads_cannot_be_forged() {
    let head = head_of(&chain((1..=3).map(entry)));
    let key = signer().public_key();
    let bytes = head.to_bytes();
    assert_eq!(SignedHead::from_bytes(&bytes, &key), Ok(head.clone()));
    for i in 0..bytes.len() * 8 {
        let mut bad = bytes.clone();
        bad[i / 8] ^= 1 << (i % 8);
        assert!(SignedHead::from_bytes(&bad, &key).is_err(), "bit {i}");
    }
    let other = Signer::new(&Secret::new([5; 32])).unwrap();
    assert_eq!(SignedHead::from_bytes(&bytes, &other.public_key()), Err(VaultError::Forged));
}

/// RFC 8032 §7.1, test 1.
#[test]
fn ed25519_known_answer() {
    let hex = |text: &str| -> Vec<u8> {
        let digits = (0..text.len()).step_by(2);
        digits.map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
    };
    let seed = hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
    let signer = Signer::new(&Secret::new(seed.try_into().unwrap())).unwrap();
    let public = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    assert_eq!(signer.public_key().to_vec(), public);
    let signature = hex(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e397\
         01cf9b46bd25bf5f0595bbe24655141438e7a100b",
    );
    assert_eq!(signer.pair.sign(b"").as_ref(), signature);
}
