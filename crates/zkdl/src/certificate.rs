//! Certificates: what was verified, signed, in formats that others' tools read.
//!
//! ```text
//! certificate   DSSE envelope of an in-toto Statement v1, ECDSA P-256 with SHA-256
//!   subject       the model's commitment, and each weights file, by SHA-256
//!   predicate     urn:zkdl:training:v1: what the verified run claims (`Claim`)
//! model.sig     the same envelope in a Sigstore bundle, with OpenSSF Model Signing's predicate: names and digests of files
//! ```
//!
//! Sources: in-toto attestation framework, Statement v1; DSSE v1.0.0, section "signature definition"; Sigstore bundle v0.3;
//! OpenSSF Model Signing v1.0 as the package `model-signing` 1.1.1 writes and reads it.
//!
//! A signature is by a key. Whose key it is, the verifier has to know from elsewhere. Of (r, s) and (r, n - s), which ECDSA cannot tell apart,
//! only the one with the smaller s is a signature here. Names of files are names, never paths: whoever keeps a file under the name that a
//! certificate gives it writes where it means to.

use crate::chain;
use crate::describe::{config_digest, data_claim, in_words, model_digest, premises};
use crate::statement::{GENERATORS, Statement, hex};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use p256::SecretKey;
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use p256::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey, LineEnding};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;
use zkdl_commit::blinds::Entropy;

/// Type of our predicate.
pub const PREDICATE: &str = "urn:zkdl:training:v1";
const STATEMENT: &str = "https://in-toto.io/Statement/v1";
const PAYLOAD: &str = "application/vnd.in-toto+json";
const MODEL_SIGNING: &str = "https://model_signing/signature/v1.0";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// Subject that stands for the rows of the final weights.
const COMMITMENT: &str = "commitment to the weights";
/// No certificate is longer: a window takes about 300 bytes.
const LONGEST: usize = 1 << 26;

/// Why a certificate or a key is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Not a PEM file of a P-256 key.
    #[error("this is no {0} of P-256 in PEM (PKCS#8, SEC1 or SubjectPublicKeyInfo)")]
    Key(&'static str),
    /// Not an envelope, or not one of ours.
    #[error("this is no certificate: {0}")]
    Envelope(String),
    /// Another key, or another content.
    #[error("the signature is not that of this key on this content")]
    Signature,
    /// Random bytes that are no key: probability below 2^-32.
    #[error("no key could be drawn: try again")]
    Draw,
    /// The content is not what was verified.
    #[error("the certificate says something else of {0} than what was verified")]
    Content(String),
}

/// A private key that signs.
pub struct Signer(SigningKey);

/// A public key that a verifier trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// A file that is vouched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name, without directories.
    pub name: String,
    /// SHA-256 of its bytes.
    pub sha256: [u8; 32],
}

impl File {
    /// Hashes contents.
    #[must_use]
    pub fn new(name: &str, contents: &[u8]) -> Self {
        Self { name: name.to_owned(), sha256: Sha256::digest(contents).into() }
    }
}

impl Signer {
    /// Draws a key.
    ///
    /// # Errors
    /// [`CertificateError::Draw`].
    pub fn draw(entropy: &mut dyn Entropy) -> Result<Self, CertificateError> {
        let mut bytes = Zeroizing::new([0; 32]);
        entropy.fill(&mut *bytes).map_err(|_| CertificateError::Draw)?;
        let key = SecretKey::from_slice(&*bytes).map_err(|_| CertificateError::Draw)?;
        Ok(Self(key.into()))
    }

    /// Reads PKCS#8 or SEC1 in PEM.
    ///
    /// # Errors
    /// [`CertificateError::Key`].
    pub fn from_pem(pem: &str) -> Result<Self, CertificateError> {
        let key = SecretKey::from_pkcs8_pem(pem).or_else(|_| SecretKey::from_sec1_pem(pem));
        Ok(Self(key.map_err(|_| CertificateError::Key("private key"))?.into()))
    }

    /// PKCS#8 in PEM: a secret.
    ///
    /// # Errors
    /// [`CertificateError::Key`].
    pub fn to_pem(&self) -> Result<Zeroizing<String>, CertificateError> {
        self.0.to_pkcs8_pem(LineEnding::LF).map_err(|_| CertificateError::Key("private key"))
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(*self.0.verifying_key())
    }

    /// The DSSE envelope of a payload.
    fn envelope(&self, payload: &Value) -> Value {
        let payload = payload.to_string().into_bytes();
        json!({
            "payload": STANDARD.encode(&payload),
            "payloadType": PAYLOAD,
            "signatures": [{ "keyid": "", "sig": STANDARD.encode(self.sign(&payload).to_der()) }],
        })
    }

    /// The signature of a payload, in the one form that is accepted.
    fn sign(&self, payload: &[u8]) -> Signature {
        let signature: Signature = self.0.sign(&pre_authentication(payload));
        signature.normalize_s()
    }
}

impl PublicKey {
    /// Reads SubjectPublicKeyInfo in PEM.
    ///
    /// # Errors
    /// [`CertificateError::Key`].
    pub fn from_pem(pem: &str) -> Result<Self, CertificateError> {
        VerifyingKey::from_public_key_pem(pem).map(Self).map_err(|_| CertificateError::Key("public key"))
    }

    /// SubjectPublicKeyInfo in PEM.
    ///
    /// # Errors
    /// [`CertificateError::Key`].
    pub fn to_pem(&self) -> Result<String, CertificateError> {
        self.0.to_public_key_pem(LineEnding::LF).map_err(|_| CertificateError::Key("public key"))
    }

    /// Checks the signature of an envelope; returns its payload.
    fn open(&self, envelope: &[u8]) -> Result<Value, CertificateError> {
        let refused = |what: &str| CertificateError::Envelope(what.to_owned());
        if envelope.len() > LONGEST {
            return Err(refused("it is too long"));
        }
        let envelope: Envelope =
            serde_json::from_slice(envelope).map_err(|e| CertificateError::Envelope(e.to_string()))?;
        if envelope.payload_type != PAYLOAD {
            return Err(refused("its payload is no in-toto statement"));
        }
        let [signature] = &envelope.signatures[..] else { return Err(refused("it has not one signature")) };
        let decoded = |text: &str| STANDARD.decode(text).map_err(|_| refused("it is not base64"));
        let payload = decoded(&envelope.payload)?;
        let signature = Signature::from_der(&decoded(&signature.sig)?).map_err(|_| CertificateError::Signature)?;
        // Whoever has a signature knows the other one with the same r: two envelopes of one certificate would be two names for it.
        if signature.normalize_s() != signature {
            return Err(CertificateError::Signature);
        }
        let signed = self.0.verify(&pre_authentication(&payload), &signature);
        signed.map_err(|_| CertificateError::Signature)?;
        let value: Value = serde_json::from_slice(&payload).map_err(|e| CertificateError::Envelope(e.to_string()))?;
        // A key that occurs twice would say one thing to us and another to the next reader.
        if value.to_string().as_bytes() == payload {
            Ok(value)
        } else {
            Err(refused("its payload is not canonical JSON"))
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<EnvelopeSignature>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EnvelopeSignature {
    sig: String,
    #[serde(rename = "keyid", default)]
    _keyid: String,
}

/// What is signed: type and payload, each with its length, so that no type can be confused with another.
fn pre_authentication(payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {PAYLOAD} {} ", PAYLOAD.len(), payload.len()).into_bytes();
    bytes.extend(payload);
    bytes
}

/// A window by its files.
#[derive(Debug, Clone, Copy)]
pub struct Window<'a> {
    /// What it claims.
    pub statement: &'a Statement,
    /// Bytes of its proof file.
    pub proof: &'a [u8],
}

/// What a verifier has seen to be true.
#[derive(Debug, Clone)]
pub struct Claim<'a> {
    /// The whole run: what all windows are together.
    pub run: &'a Statement,
    /// The windows, in order.
    pub windows: &'a [Window<'a>],
    /// Bytes of the proof of the data.
    pub data_proof: &'a [u8],
    /// Files of weights that hold what the run's final rows commit to.
    pub weights: &'a [File],
}

impl Claim<'_> {
    /// The in-toto statement. `verifier` names the program and version that verified.
    #[must_use]
    pub fn statement(&self, verifier: &str) -> Value {
        let (run, data) = (self.run, &self.run.data);
        let model = hex(&model_digest(&run.end));
        let subject = |name: &str, sha256: String| json!({ "name": name, "digest": { "sha256": sha256 } });
        let files = self.weights.iter().map(|file| subject(&file.name, hex(&file.sha256)));
        let subjects: Vec<Value> = files.chain([subject(COMMITMENT, model)]).collect();
        json!({
            "_type": STATEMENT,
            "subject": subjects,
            "predicateType": PREDICATE,
            "predicate": {
                "verifier": verifier,
                "protocol": { "generators": GENERATORS, "training": crate::statement::PROTOCOL,
                    "data": crate::data_proof::PROTOCOL, "run": crate::run::PROTOCOL },
                "data": { "root": hex(&data.root), "points": data.points, "features": data.features,
                    "classes": data.classes, "proof": digest(self.data_proof), "claim": data_claim(data) },
                "configuration": hex(&config_digest(run)),
                "beacon": hex(&run.nonce),
                "algorithm": in_words(run),
                "steps": { "first": run.first_step, "end": chain::end(run), "of": run.max_steps },
                "windows": self.windows.iter().map(window).collect::<Vec<_>>(),
                "caveats": caveats(run),
            },
        })
    }

    /// Signs [`Claim::statement`].
    #[must_use]
    pub fn certify(&self, verifier: &str, signer: &Signer) -> Vec<u8> {
        line(&signer.envelope(&self.statement(verifier)))
    }
}

fn window(window: &Window<'_>) -> Value {
    let statement = window.statement;
    json!({
        "first": statement.first_step, "end": chain::end(statement), "statement": hex(&statement.digest()),
        "model": hex(&model_digest(&statement.end)), "proof": digest(window.proof),
    })
}

fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// What no proof shows.
fn caveats(run: &Statement) -> Vec<String> {
    let ours = [
        "Not proven: where the data come from, that they are all the data, or that they are good.",
        "Not proven: that beacon and data were not chosen together, unless somebody else drew the beacon after the data root was published.",
        "Not proven: that a model which is served is this one: compare its weights file with the subject.",
    ];
    premises(run).into_iter().chain(ours.map(str::to_owned)).collect()
}

/// A certificate whose signature is that of a key.
#[derive(Debug, Clone, PartialEq)]
pub struct Signed {
    payload: Value,
}

impl Signed {
    /// Checks type and signature.
    ///
    /// # Errors
    /// [`CertificateError::Envelope`], [`CertificateError::Signature`].
    pub fn open(envelope: &[u8], key: &PublicKey) -> Result<Self, CertificateError> {
        let payload = key.open(envelope)?;
        if text(&payload, "_type") != Some(STATEMENT) || text(&payload, "predicateType") != Some(PREDICATE) {
            return Err(CertificateError::Envelope(format!("its predicate is not {PREDICATE}")));
        }
        let signed = Self { payload };
        if signed.subjects().filter_map(|subject| text(subject, "name")).all(is_plain) {
            Ok(signed)
        } else {
            Err(CertificateError::Envelope("it names a file by no plain name".to_owned()))
        }
    }

    /// Whether it says exactly what was verified: every field is computed again. Only the version of the program that
    /// certified is taken from it.
    ///
    /// # Errors
    /// [`CertificateError::Content`] naming the first field that differs.
    pub fn agrees(&self, claim: &Claim<'_>) -> Result<(), CertificateError> {
        let expected = claim.statement(self.verifier());
        match difference(&self.payload, &expected, "the statement") {
            None => Ok(()),
            Some(place) => Err(CertificateError::Content(place)),
        }
    }

    /// The program that certified.
    #[must_use]
    pub fn verifier(&self) -> &str {
        self.payload.get("predicate").and_then(|predicate| text(predicate, "verifier")).unwrap_or_default()
    }

    /// Names and digests of the weights files that it vouches for.
    #[must_use]
    pub fn files(&self) -> Vec<(&str, &str)> {
        self.subjects().filter_map(named_digest).filter(|(name, _)| *name != COMMITMENT).collect()
    }

    fn subjects(&self) -> impl Iterator<Item = &Value> {
        self.payload.get("subject").and_then(Value::as_array).into_iter().flatten()
    }

    /// The whole payload, for people.
    #[must_use]
    pub fn payload(&self) -> &Value {
        &self.payload
    }
}

/// Whether a name leads nowhere, and shows as it is.
fn is_plain(name: &str) -> bool {
    !["", ".", ".."].contains(&name) && !name.contains(|c: char| matches!(c, '/' | '\\' | ':') || c.is_control())
}

fn named_digest(subject: &Value) -> Option<(&str, &str)> {
    Some((text(subject, "name")?, text(subject.get("digest")?, "sha256")?))
}

/// The text of a field, if there is one.
fn text<'v>(object: &'v Value, field: &str) -> Option<&'v str> {
    object.get(field)?.as_str()
}

/// The first place where two values differ.
fn difference(got: &Value, expected: &Value, place: &str) -> Option<String> {
    match (got, expected) {
        (Value::Object(a), Value::Object(b)) if a.len() == b.len() => b.iter().find_map(|(key, b)| match a.get(key) {
            Some(a) => difference(a, b, key),
            None => Some(key.clone()),
        }),
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).find_map(|(a, b)| difference(a, b, place))
        }
        _ => (got != expected).then(|| place.to_owned()),
    }
}

/// The OpenSSF Model Signing bundle of a directory of files, in the order of their names.
///
/// # Errors
/// [`CertificateError::Key`].
pub fn sign_model(directory: &str, files: &[File], signer: &Signer) -> Result<Vec<u8>, CertificateError> {
    let mut sorted: Vec<&File> = files.iter().collect();
    sorted.sort_by(|a, b| a.name.cmp(&b.name));
    let all = sorted.iter().fold(Sha256::new(), |hash, file| hash.chain_update(file.sha256));
    let resource = |file: &&File| json!({ "name": file.name, "algorithm": "sha256", "digest": hex(&file.sha256) });
    let payload = json!({
        "_type": STATEMENT,
        "subject": [{ "name": directory, "digest": { "sha256": hex(&all.finalize()) } }],
        "predicateType": MODEL_SIGNING,
        "predicate": {
            "serialization": {
                "method": "files", "hash_type": "sha256", "allow_symlinks": false,
                "ignore_paths": [".git", ".gitattributes", ".github", ".gitignore"],
            },
            "resources": sorted.iter().map(resource).collect::<Vec<_>>(),
        },
    });
    let hint = hex(&Sha256::digest(signer.public().to_pem()?));
    Ok(line(&json!({
        "mediaType": BUNDLE,
        "verificationMaterial": { "publicKey": { "hint": hint }, "tlogEntries": [] },
        "dsseEnvelope": signer.envelope(&payload),
    })))
}

fn line(value: &Value) -> Vec<u8> {
    format!("{value}\n").into_bytes()
}

#[cfg(test)]
mod tests;
