//! Decoders of bytes: no panic, no more memory than the bytes hold, and what is accepted has no other encoding.
//!
//! The first byte says which decoder, and whether the rest is a file or edits of an honest one.

#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::DecodePrivateKey;
use zkdl::certificate::{PublicKey, Signed, Signer};
use zkdl::data_proof::DataProof;
use zkdl::model::WeightsProof;
use zkdl::proof::Proof;
use zkdl::{AbsentAnswer, BlindedRows, MemberAnswer, PointCommitments, Statement, data_set, describe, tensors};
use zkdl_commit::merkle::{Tree, root_from_path};
use zkdl_dataset::Descriptor;
use zkdl_field::{group, scalar};
use zkdl_fuzz::edit::{Change, Message};
use zkdl_fuzz::files;
use zkdl_fuzz::fixture::{Fixture, LIMITS, certify};
use zkdl_fuzz::memory::{MEBIBYTE, bounded};

/// A decoder with an honest file.
struct Decoder {
    honest: fn(&Fixture) -> Vec<u8>,
    /// Reads, and writes again what was accepted.
    again: fn(&[u8]) -> Option<Vec<u8>>,
}

const DECODERS: &[Decoder] = &[
    Decoder { honest: |f| f.trainings[0].statement.encode(), again: statement },
    Decoder { honest: |f| f.trainings[2].statement.encode(), again: statement },
    Decoder { honest: |f| f.trainings[0].proofs[0].encode(), again: |b| Some(Proof::decode(b).ok()?.encode()) },
    Decoder { honest: |f| f.data_proof.encode(), again: |b| Some(DataProof::decode(b).ok()?.encode()) },
    Decoder { honest: |f| f.exports[0].proof.encode(), again: |b| Some(WeightsProof::decode(b).ok()?.encode()) },
    Decoder { honest: |f| f.points.encode(), again: |b| Some(PointCommitments::decode(b).ok()?.encode()) },
    Decoder { honest: |f| f.members[0].encode(), again: |b| Some(MemberAnswer::decode(b).ok()?.encode()) },
    Decoder { honest: |f| f.absents[1].encode(), again: |b| Some(AbsentAnswer::decode(b).ok()?.encode()) },
    Decoder { honest: |f| f.data.encode(), again: descriptor },
    Decoder { honest: |f| data_set::encode(&f.data), again: |b| Some(data_set::encode(&data_set::decode(b).ok()?)) },
    Decoder { honest: |f| f.groups[..8].concat(), again: encodings },
    Decoder { honest: path, again: merkle },
    Decoder { honest: |f| f.exports[0].shown.encode(), again: safetensors },
    Decoder { honest: |f| f.certificate.clone(), again: certificate },
    Decoder { honest: payload, again: signed },
    Decoder { honest: |f| f.signer.public().to_pem().unwrap_or_default().into_bytes(), again: keys },
    Decoder { honest: secret_data, again: |b| files::secret_data(&files::sealed(b)).map(unsealed) },
    Decoder {
        honest: |f| unsealed(files::checkpoint_of(&f.exports[0].shown.weights)),
        again: |b| files::checkpoint(&files::sealed(b)).map(unsealed),
    },
    Decoder {
        honest: |f| unsealed(files::boundary_rows_of(&rows(f))),
        again: |b| files::boundary_rows(&files::sealed(b)).map(unsealed),
    },
    Decoder { honest: |f| zkdl::statement::hex(&f.data.root).into_bytes(), again: hexadecimal },
];

/// Whatever decodes can be described and measured, also what no verifier takes.
fn statement(bytes: &[u8]) -> Option<Vec<u8>> {
    let statement = Statement::decode(bytes).ok()?;
    let _ = (statement.shape(&LIMITS), describe::to_json(&statement), describe::in_words(&statement));
    Some(statement.encode())
}

fn descriptor(bytes: &[u8]) -> Option<Vec<u8>> {
    let (descriptor, rest) = Descriptor::decode_prefix(bytes).ok()?;
    assert_eq!(Descriptor::decode(&bytes[..bytes.len() - rest.len()]), Ok(descriptor.clone()));
    Some([&descriptor.encode(), rest].concat())
}

/// All three encodings of 32 or 64 bytes.
fn encodings(bytes: &[u8]) -> Option<Vec<u8>> {
    for bytes in bytes.as_chunks().0 {
        assert!(scalar::decode(bytes).is_none_or(|x| scalar::encode(&x) == *bytes));
        if let Ok(point) = group::decode(bytes) {
            assert_eq!(group::encode(&point), *bytes);
            assert_eq!(group::from_coordinates(&group::coordinates(&point)), Ok(point));
        }
    }
    for bytes in bytes.as_chunks().0 {
        assert!(group::from_coordinates(bytes).ok().is_none_or(|point| group::coordinates(&point) == *bytes));
    }
    None
}

/// Index, commitment and path of a leaf, 32 bytes each but the first.
fn path(f: &Fixture) -> Vec<u8> {
    let path = f.tree.path(2).unwrap_or_default();
    [vec![2], f.points.0[2].to_vec(), path.concat()].concat()
}

/// No other path leads to the root.
fn merkle(bytes: &[u8]) -> Option<Vec<u8>> {
    let f = Fixture::get();
    let (index, rest) = bytes.split_first()?;
    let (leaf, siblings) = rest.as_chunks().0.split_first()?;
    let (index, size) = (usize::from(*index), f.points.0.len());
    let root = root_from_path(index, size, leaf, siblings).ok()?;
    assert!(index < size && Some(siblings.len()) == f.tree.path(index).map(|path| path.len()));
    let known = f.points.0.get(index) == Some(leaf) && f.tree.path(index).as_deref() == Some(siblings);
    assert_eq!(root == f.tree.root(), known);
    let grown = Tree::new(siblings).ok()?;
    let last = siblings.len() - 1;
    assert_eq!(root_from_path(last, siblings.len(), &siblings[last], &grown.path(last)?), Ok(grown.root()));
    None
}

/// Others write these files too, so that only numbers have to come back.
fn safetensors(bytes: &[u8]) -> Option<Vec<u8>> {
    let shown = &Fixture::get().exports[0].shown;
    for bits in [16, 64] {
        let _ = tensors::quantise(bytes, &shown.widths, shown.fraction_bits, bits);
    }
    let weights = tensors::decode(bytes, &shown.widths, shown.fraction_bits).ok()?;
    let again = tensors::encode(&weights, tensors::Number::Integer, shown.fraction_bits, &[]);
    assert_eq!(tensors::decode(&again, &shown.widths, shown.fraction_bits).ok(), Some(weights));
    None
}

/// A signature holds for one payload.
fn certificate(bytes: &[u8]) -> Option<Vec<u8>> {
    let f = Fixture::get();
    let signed = Signed::open(bytes, &f.signer.public()).ok()?;
    assert_eq!(Signed::open(&f.certificate, &f.signer.public()), Ok(signed));
    None
}

fn payload(f: &Fixture) -> Vec<u8> {
    let signed = Signed::open(&f.certificate, &f.signer.public());
    signed.map(|signed| signed.payload().to_string().into_bytes()).unwrap_or_default()
}

/// What somebody signs with the right key: read if it is canonical, and never more than what was verified.
fn signed(payload: &[u8]) -> Option<Vec<u8>> {
    let f = Fixture::get();
    let key = SigningKey::from_pkcs8_pem(&f.signer.to_pem().ok()?).ok()?;
    let kind = "application/vnd.in-toto+json";
    let authenticated = [format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).as_bytes(), payload].concat();
    let signature: Signature = key.sign(&authenticated);
    let envelope = serde_json::json!({
        "payload": STANDARD.encode(payload), "payloadType": kind,
        "signatures": [{ "keyid": "", "sig": STANDARD.encode(signature.to_der()) }],
    });
    let signed = Signed::open(envelope.to_string().as_bytes(), &f.signer.public()).ok()?;
    assert_eq!(signed.payload().to_string().as_bytes(), payload);
    let _ = (signed.files(), signed.verifier());
    let honest = Signed::open(&f.certificate, &f.signer.public()).ok()?;
    let mut named = honest.payload().clone();
    named["predicate"]["verifier"] = signed.verifier().into();
    let agrees = certify(&f.trainings[0], |claim| signed.agrees(claim).is_ok());
    assert_eq!(agrees, *signed.payload() == named);
    None
}

fn keys(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok()?;
    if let Ok(key) = PublicKey::from_pem(text) {
        assert_eq!(PublicKey::from_pem(&key.to_pem().ok()?), Ok(key));
    }
    let signer = Signer::from_pem(text).ok()?;
    assert_eq!(Signer::from_pem(&signer.to_pem().ok()?).ok()?.public(), signer.public());
    None
}

/// Small digits are the canonical ones.
fn hexadecimal(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok()?;
    assert_eq!(files::digest(text)?, text.to_ascii_lowercase());
    None
}

fn unsealed(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.len() - 32);
    bytes
}

fn secret_data(f: &Fixture) -> Vec<u8> {
    let data = Descriptor { root: [0; 32], ..f.data.clone() };
    let (values, labels) = (vec![3; 4 * (data.points * data.features) as usize], vec![0; 4 * data.points as usize]);
    let blinds = vec![0; 32 * data.points as usize];
    [zkdl::codec::header("zkdl-secret-data", 2), data.encode(), values, labels, blinds, vec![0; 4]].concat()
}

fn rows(f: &Fixture) -> BlindedRows {
    let rows = f.trainings[0].statement.end.clone();
    BlindedRows { blinds: zeroize::Zeroizing::new(vec![scalar::pow2(9); rows.len()]), rows }
}

fn file(decoder: &Decoder, rest: &[u8], edits: bool) -> Option<Vec<u8>> {
    if !edits {
        return Some(rest.to_vec());
    }
    let f = Fixture::get();
    let mut bytes = (decoder.honest)(f);
    for change in Vec::<Change>::arbitrary(&mut Unstructured::new(rest)).ok()? {
        change.apply(&mut bytes, &f.groups);
    }
    Some(bytes)
}

fuzz_target!(init: { Fixture::get(); }, |data: &[u8]| {
    let Some((head, rest)) = data.split_first() else { return };
    let decoder = &DECODERS[usize::from(head & 0x7f) % DECODERS.len()];
    let Some(bytes) = file(decoder, rest, head & 0x80 != 0) else { return };
    let again = bounded(2 * MEBIBYTE + 64 * bytes.len(), || (decoder.again)(&bytes));
    assert!(again.is_none_or(|again| again == bytes), "another encoding of the same");
});
