//! `zkdl certify`: verifies a whole run and, only if all of it is true, signs what was verified. `zkdl verify --certificate`: the
//! other side.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::args::{CertificateArgs, CertifyArgs};
use crate::atomic::{self, Access};
use crate::error::{CliError, Result};
use crate::member::refused;
use crate::premise::Trust;
use crate::progress::Context;
use crate::report::{Table, emit, emit_json, shown};
use crate::run_dir::{RunDir, read};
use crate::verify::{Coverage, Expected, Verified, verify_directory};
use crate::weights::ModelFiles;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use zkdl::certificate::{CertificateError, File, PublicKey, Signed, Signer, sign_model};
use zkdl_commit::blinds::OsEntropy;

/// The program that certifies.
const VERIFIER: &str = concat!("zkdl ", env!("CARGO_PKG_VERSION"));

/// Runs the verb.
pub(crate) fn run(context: Context, args: &CertifyArgs) -> Result<ExitCode> {
    let signer = if args.new_key { new_key(&args.key)? } else { read_key(&args.key)? };
    let trust = args.trust.trust();
    let verified = verify_directory(
        context,
        &args.run,
        args.trust.data_proof.as_deref(),
        &Expected::default(),
        trust,
        Coverage::Whole,
    )?;
    if !verified.report.is_valid() {
        return verified.report.print(context);
    }
    if trust == Trust::Data {
        return Err(CliError::usage("what is taken for granted is not certified: leave out --trust-data"));
    }
    match certify(context, &args.run, &verified, &signer) {
        Err(error) => refused(context, Err(error)),
        Ok(certified) => {
            certified.print(context)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Draws a key and keeps it in a new file.
pub(crate) fn new_key(path: &Path) -> Result<Signer> {
    if path.exists() {
        return Err(CliError::usage(format!("{} exists: leave out --new-key to sign with it", path.display())));
    }
    let signer = Signer::draw(&mut OsEntropy).map_err(|e| CliError::io("no key").caused_by(e))?;
    let pem = signer.to_pem().map_err(|e| CliError::io("no key").caused_by(e))?;
    atomic::write(path, pem.as_bytes(), Access::Secret)?;
    Ok(signer)
}

fn read_key(path: &Path) -> Result<Signer> {
    if !path.exists() {
        let what = "there is no such key: --new-key makes one";
        return Err(CliError::usage(format!("{}: {what}", path.display())));
    }
    let pem = zeroize::Zeroizing::new(read(path)?);
    let pem = zeroize::Zeroizing::new(String::from_utf8_lossy(&pem).into_owned());
    Signer::from_pem(&pem).map_err(|e| CliError::usage(path.display().to_string()).caused_by(e))
}

/// What was signed.
pub(crate) struct Certified {
    /// The certificate.
    pub(crate) certificate: PathBuf,
    /// The public key.
    pub(crate) signer: PathBuf,
    /// The signature of the weights, if they are there.
    pub(crate) model: Option<PathBuf>,
}

/// Signs what was verified, and the weights if they are there and are the model's.
pub(crate) fn certify(context: Context, root: &Path, verified: &Verified, signer: &Signer) -> Result<Certified> {
    let dir = RunDir::new(root);
    let unsigned = |e: CertificateError| CliError::io("nothing can be signed").caused_by(e);
    let weights = weights_of(context, &dir.model(), verified)?;
    let files = weights.as_ref().map(ModelFiles::weights).unwrap_or_default();
    let certificate = verified.with_claim(&files, |claim| claim.certify(VERIFIER, signer))?;
    let public = signer.public().to_pem().map_err(unsigned)?;
    atomic::write(&dir.signer(), public.as_bytes(), Access::Public)?;
    let mut model = None;
    if let Some(weights) = weights {
        let signature = sign_model("model", &weights.all(), signer).map_err(unsigned)?;
        atomic::write(&dir.model_signature(), &signature, Access::Public)?;
        model = Some(dir.model_signature());
    }
    atomic::write(&dir.certificate(), &certificate, Access::Public)?;
    Ok(Certified { certificate: dir.certificate(), signer: dir.signer(), model })
}

/// The files of weights of a directory, verified to be the model's; none if there is no directory.
fn weights_of(context: Context, directory: &Path, verified: &Verified) -> Result<Option<ModelFiles>> {
    let Some(files) = ModelFiles::read(directory)? else { return Ok(None) };
    files.verify(context, verified.last()?)?;
    Ok(Some(files))
}

impl Certified {
    fn print(&self, context: Context) -> Result<()> {
        if context.json {
            return emit_json(&json!({
                "verdict": "VALID", "certificate": self.certificate, "signer": self.signer, "model_signature": self.model,
            }));
        }
        let mut table = Table::new();
        table.row("certificate", self.certificate.display().to_string());
        table.row("public key", self.signer.display().to_string());
        let model = self.model.as_ref().map(|path| path.display().to_string());
        table.row("model signature", model.unwrap_or_else(|| "none: `zkdl weights export` writes the weights".into()));
        emit(&format!("VALID, and signed\n{}", table.text()))
    }
}

/// A certificate that somebody shows, and the key that it is believed under.
impl CertificateArgs {
    /// The certificate, if one is given; its signature is checked.
    pub(crate) fn open(&self) -> Result<Option<Signed>> {
        let (Some(certificate), Some(signer)) = (&self.certificate, &self.signer) else { return Ok(None) };
        let (envelope, pem) = (read(certificate)?, read(signer)?);
        let key = PublicKey::from_pem(&String::from_utf8_lossy(&pem))
            .map_err(|e| CliError::usage(signer.display().to_string()).caused_by(e))?;
        let signed = Signed::open(&envelope, &key);
        signed.map(Some).map_err(|e| CliError::invalid(certificate.display().to_string()).caused_by(e))
    }
}

/// Compares a certificate with what was verified, and with the weights if they are there; returns what it adds, in words.
pub(crate) fn compare(context: Context, root: &Path, verified: &Verified, signed: &Signed) -> Result<String> {
    let directory = RunDir::new(root).model();
    let (files, how) = match weights_of(context, &directory, verified)? {
        None => (named_files(signed), "by the signer's word"),
        Some(found) => (found.weights(), "verified"),
    };
    let agrees = verified.with_claim(&files, |claim| signed.agrees(claim))?;
    agrees.map_err(|e| CliError::invalid("the certificate").caused_by(e))?;
    Ok(certified_words(signed, how))
}

/// A certificate alone: what a key has signed, not verified again.
pub(crate) fn alone(context: Context, args: &CertificateArgs, signed: &Signed) -> Result<ExitCode> {
    let mut how = "not looked at".to_owned();
    if let Some(weights) = &args.weights {
        let ours = File::new("", &read(weights)?);
        let known = named_files(signed).into_iter().find(|file| file.sha256 == ours.sha256);
        let Some(file) = known else {
            let what = format!("{}: the certificate vouches for other weights", weights.display());
            return refused(context, Err(CliError::invalid(what)));
        };
        how = format!("{} is {}", weights.display(), shown(&file.name));
    }
    if context.json {
        emit_json(&json!({ "verdict": "SIGNED", "weights": how, "certificate": signed.payload() }))?;
    } else {
        let algorithm =
            signed.payload().pointer("/predicate/algorithm").and_then(Value::as_array).cloned().unwrap_or_default();
        let words = algorithm.iter().filter_map(|line| line.as_str()).map(|line| format!("\n  {}", shown(line)));
        emit(&format!(
            "SIGNED by this key; nothing was verified again (give the run directory too for that)\n  {}{}",
            certified_words(signed, &how),
            words.collect::<String>()
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn certified_words(signed: &Signed, how: &str) -> String {
    let files: Vec<String> = signed.files().iter().map(|(name, digest)| shown(&format!("{name} {digest}"))).collect();
    let files = if files.is_empty() { "none".to_owned() } else { files.join(", ") };
    format!("Certified by {}. Weights files ({how}): {files}.", shown(signed.verifier()))
}

/// The files that a certificate names, by its word.
fn named_files(signed: &Signed) -> Vec<File> {
    let parse = |text: &str| crate::config::digest(text).ok();
    let file = |(name, digest): (&str, &str)| Some(File { name: name.to_owned(), sha256: parse(digest)? });
    signed.files().into_iter().filter_map(file).collect()
}
