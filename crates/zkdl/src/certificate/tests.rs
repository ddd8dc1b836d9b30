use super::*;
use crate::describe::tests::statement;
use zkdl_commit::blinds::OsEntropy;

fn signer() -> Signer {
    Signer::draw(&mut OsEntropy).unwrap()
}

/// A claim and everything it borrows.
struct Verified {
    run: Statement,
    proof: Vec<u8>,
    data_proof: Vec<u8>,
    files: Vec<File>,
}

impl Verified {
    fn new() -> Self {
        let files = vec![File::new("weights.safetensors", b"weights"), File::new("integers.safetensors", b"integers")];
        Self { run: statement(), proof: b"proof".to_vec(), data_proof: b"data".to_vec(), files }
    }

    fn with<T>(&self, run: impl FnOnce(&Claim<'_>) -> T) -> T {
        let windows = [Window { statement: &self.run, proof: &self.proof }];
        run(&Claim { run: &self.run, windows: &windows, data_proof: &self.data_proof, weights: &self.files })
    }

    fn certify(&self, signer: &Signer) -> Vec<u8> {
        self.with(|claim| claim.certify("zkdl 1", signer))
    }

    fn agrees(&self, signed: &Signed) -> Result<(), CertificateError> {
        self.with(|claim| signed.agrees(claim))
    }
}

#[test]
fn a_certificate_says_what_was_verified_and_who_verified_it() {
    let (signer, verified) = (signer(), Verified::new());
    let signed = Signed::open(&verified.certify(&signer), &signer.public()).unwrap();
    assert_eq!(verified.agrees(&signed), Ok(()));
    assert_eq!(signed.verifier(), "zkdl 1");
    assert_eq!(signed.files()[0], ("weights.safetensors", digest(b"weights").as_str()));
    assert_eq!(signed.files().len(), 2);
    let predicate = &signed.payload()["predicate"];
    assert_eq!(predicate["windows"][0]["proof"], digest(b"proof"));
    assert!(predicate["caveats"].as_array().unwrap().len() >= 4);
}

#[test]
fn keys_come_back_from_pem_and_other_files_are_refused() {
    let (signer, verified) = (signer(), Verified::new());
    let pem = signer.to_pem().unwrap();
    let again = Signer::from_pem(&pem).unwrap();
    assert_eq!(again.public(), signer.public());
    let public = PublicKey::from_pem(&signer.public().to_pem().unwrap()).unwrap();
    assert!(Signed::open(&verified.certify(&again), &public).is_ok());
    assert_eq!(PublicKey::from_pem(&pem), Err(CertificateError::Key("public key")));
    assert!(matches!(Signer::from_pem(&public.to_pem().unwrap()), Err(CertificateError::Key("private key"))));
    assert!(matches!(Signer::from_pem(""), Err(CertificateError::Key("private key"))));
}

/// Catalogue 106.
#[test]
fn another_key_and_every_changed_byte_are_refused() {
    let (signer, verified) = (signer(), Verified::new());
    let good = verified.certify(&signer);
    let other = super::tests::signer().public();
    assert_eq!(Signed::open(&good, &other), Err(CertificateError::Signature));
    let key = signer.public();
    for place in 0..good.len() - 1 {
        let mut changed = good.clone();
        changed[place] ^= 1;
        match Signed::open(&changed, &key) {
            // The key's name is a hint that nobody relies on.
            Ok(signed) => assert_eq!(verified.agrees(&signed), Ok(()), "byte {place}"),
            Err(CertificateError::Envelope(_) | CertificateError::Signature) => (),
            Err(error) => panic!("byte {place}: {error:?}"),
        }
        assert!(Signed::open(&good[..place], &key).is_err(), "length {place}");
    }
}

/// An envelope of any payload with any signature.
fn envelope(payload: &[u8], signature: &[u8]) -> Vec<u8> {
    line(&json!({
        "payload": STANDARD.encode(payload),
        "payloadType": PAYLOAD,
        "signatures": [{ "keyid": "", "sig": STANDARD.encode(signature) }],
    }))
}

/// Catalogue 106: whoever sees a signature (r, s) knows (r, n - s), which the equation of ECDSA cannot tell from it. The signer makes the
/// one with the smaller s, in the shortest encoding, and nothing else is one.
#[test]
fn a_signature_has_no_second_form() {
    let (signer, verified) = (signer(), Verified::new());
    let key = signer.public();
    for certificate in 0..32 {
        let verifier = format!("zkdl {certificate}");
        let good = verified.with(|claim| claim.certify(&verifier, &signer));
        assert_eq!(Signed::open(&good, &key).unwrap().verifier(), verifier);
        let payload = verified.with(|claim| claim.statement(&verifier)).to_string().into_bytes();
        let signature = signer.sign(&payload);
        let (r, s) = signature.split_scalars();
        let twin = Signature::from_scalars(r, -s).unwrap();
        assert!(key.0.verify(&pre_authentication(&payload), &twin).is_ok(), "the equation holds for both");
        assert!(Signed::open(&envelope(&payload, signature.to_der().as_bytes()), &key).is_ok());
        let twin = Signed::open(&envelope(&payload, twin.to_der().as_bytes()), &key);
        assert_eq!(twin, Err(CertificateError::Signature));
        // r with a zero before it.
        let der = signature.to_der();
        let [sequence, length, integer, of_r, rest @ ..] = der.as_bytes() else { panic!("no signature in DER") };
        let longer = [&[*sequence, length + 1, *integer, of_r + 1, 0], rest].concat();
        assert_eq!(Signed::open(&envelope(&payload, &longer), &key), Err(CertificateError::Signature));
    }
}

/// Catalogue 15: the holder of a key signs files under names that lead elsewhere, or that a terminal obeys.
#[test]
fn a_certificate_names_no_paths() {
    let (signer, mut verified) = (signer(), Verified::new());
    let mut named = |name: &str| {
        verified.files[0].name = name.to_owned();
        Signed::open(&verified.certify(&signer), &signer.public()).map(|signed| verified.agrees(&signed))
    };
    for name in ["weights", "weights.safetensors", "...", "..weights", "a b", "\u{e9}"] {
        assert_eq!(named(name), Ok(Ok(())), "{name}");
    }
    for name in
        ["", ".", "..", "../weights", "/etc/passwd", "a/b", "a\\b", "c:weights", "a\0", "a\nb", "\u{1b}[2J", "\u{9b}2J"]
    {
        assert_eq!(
            named(name),
            Err(CertificateError::Envelope("it names a file by no plain name".to_owned())),
            "{name:?}"
        );
    }
}

#[test]
fn an_envelope_is_as_long_as_its_limit_and_no_longer() {
    let (signer, verified) = (signer(), Verified::new());
    let mut envelope = verified.certify(&signer);
    envelope.resize(LONGEST, b' ');
    assert!(Signed::open(&envelope, &signer.public()).is_ok());
    envelope.push(b' ');
    let refused = CertificateError::Envelope("it is too long".to_owned());
    assert_eq!(Signed::open(&envelope, &signer.public()), Err(refused));
}

/// Catalogue 106: a signature is of one type of payload.
#[test]
fn a_signature_of_another_kind_of_payload_is_no_certificate() {
    let (signer, verified) = (signer(), Verified::new());
    let bundle = sign_model("model", &verified.files, &signer).unwrap();
    let bundle: Value = serde_json::from_slice(&bundle).unwrap();
    let envelope = bundle["dsseEnvelope"].to_string();
    assert!(matches!(Signed::open(envelope.as_bytes(), &signer.public()), Err(CertificateError::Envelope(_))));
    let mut two: Value = serde_json::from_slice(&verified.certify(&signer)).unwrap();
    let signature = two["signatures"][0].clone();
    two["signatures"].as_array_mut().unwrap().push(signature);
    assert!(matches!(Signed::open(two.to_string().as_bytes(), &signer.public()), Err(CertificateError::Envelope(_))));
}

/// Catalogue 14: the holder of a key signs JSON that readers might understand differently, or not at all.
#[test]
fn ambiguous_and_hostile_json_is_refused_even_if_it_is_signed() {
    let (signer, verified) = (signer(), Verified::new());
    let key = signer.public();
    let good = verified.with(|claim| claim.statement("zkdl 1")).to_string();
    let signed = |payload: &[u8]| Signed::open(&envelope(payload, signer.sign(payload).to_der().as_bytes()), &key);
    assert!(signed(good.as_bytes()).is_ok());
    let with = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replacen(from, to, 1).into_bytes()
    };
    let payloads = [
        with("{", "{\"_type\":\"another\","),
        with("{", "{\"predicate\":{},"),
        with(":", ": "),
        with("\"first\":0", "\"first\":-0"),
        with("\"first\":0", "\"first\":0e3"),
        with("\"first\":0", "\"first\":00"),
        with("zkdl 1", "zkdl \0"),
        with("zkdl 1", "zkdl \\u0031"),
        [b"\xef\xbb\xbf", good.as_bytes()].concat(),
        [good.as_bytes(), b"{}"].concat(),
        with("zkdl 1", "zkdl 1").iter().map(|byte| if *byte == b'1' { 0xff } else { *byte }).collect(),
        [b"[".repeat(100_000), b"]".repeat(100_000)].concat(),
        b"{\"a\":".repeat(100_000),
    ];
    for (i, payload) in payloads.iter().enumerate() {
        assert!(matches!(signed(payload), Err(CertificateError::Envelope(_))), "payload {i}");
        assert!(matches!(Signed::open(payload, &key), Err(CertificateError::Envelope(_))), "envelope {i}");
    }
    let large = with("\"first\":0", "\"first\":9007199254740993");
    let error = verified.agrees(&signed(&large).unwrap()).unwrap_err();
    assert_eq!(error, CertificateError::Content("first".into()));
}

/// Catalogue 106: whatever is altered, also by who has the key, is found by who verifies again.
#[test]
fn a_certificate_of_anything_else_than_what_was_verified_is_refused() {
    let (signer, verified) = (signer(), Verified::new());
    let signed = Signed::open(&verified.certify(&signer), &signer.public()).unwrap();
    // A field more does not compile: it needs a change below.
    let File { name: _, sha256: _ } = &verified.files[0];
    verified.with(|claim| {
        let Claim { run: _, windows, data_proof: _, weights: _ } = claim;
        let Window { statement: _, proof: _ } = windows[0];
    });
    type Change = fn(&mut Verified);
    let changes: [(&str, Change); 11] = [
        ("root", |v| v.run.data.root[0] ^= 1),
        ("configuration", |v| v.run.multipliers[0] += 1),
        ("beacon", |v| v.run.nonce[0] ^= 1),
        ("algorithm", |v| v.run.hidden[0] += 1),
        ("end", |v| v.run.multipliers.push(1)),
        ("model", |v| v.run.end[0][0] ^= 1),
        ("proof", |v| v.proof.push(0)),
        ("proof of the data", |v| v.data_proof.push(0)),
        ("name of a file", |v| v.files[1].name.push('s')),
        ("subject", |v| drop(v.files.pop())),
        ("sha256", |v| v.files[0].sha256[0] ^= 1),
    ];
    for (what, change) in changes {
        let mut other = Verified::new();
        change(&mut other);
        assert!(matches!(other.agrees(&signed), Err(CertificateError::Content(_))), "{what}");
    }
    let fields = ["data", "verifier", "protocol", "steps", "windows", "caveats"];
    for field in fields {
        let mut payload = signed.payload().clone();
        payload["predicate"].as_object_mut().unwrap().remove(field);
        let forged = Signed::open(&line(&signer.envelope(&payload)), &signer.public()).unwrap();
        assert!(matches!(verified.agrees(&forged), Err(CertificateError::Content(_))), "{field}");
        payload["predicate"][field] = json!("something else");
        let forged = Signed::open(&line(&signer.envelope(&payload)), &signer.public()).unwrap();
        assert_eq!(verified.agrees(&forged).is_ok(), field == "verifier", "{field}");
    }
}
