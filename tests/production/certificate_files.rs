//! Certificates in files that another program renews, mounted as a kubelet mounts them.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Result, ensure};
use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};
use warden_testbed::{ServingCertificate, WardenProcess, WardenProgram, eventually, replica_address};

use super::handshake::{Certificate, shake_hands};
use super::site::{LONG, NAME, Site};

/// A certificate that signs itself, and its key.
struct Pair {
    certificate: String,
    key: String,
}

/// A folder with `tls.crt` and `tls.key` behind `..data`, as a kubelet mounts a Secret.
struct Mounted {
    dir: TempDir,
    swaps: u32,
}

impl Pair {
    /// Valid for some days: until a minute ago if `expired`, and from a minute ago on otherwise.
    fn new(expired: bool) -> Result<Self> {
        let mut params = CertificateParams::new(vec![format!("{NAME}.{NAME}.svc")])?;
        let moment_ago = OffsetDateTime::now_utc() - Duration::minutes(1);
        params.not_before = if expired { moment_ago - Duration::days(3) } else { moment_ago };
        params.not_after = if expired { moment_ago } else { moment_ago + Duration::days(3) };
        let key = KeyPair::generate()?;
        Ok(Self { certificate: params.self_signed(&key)?.pem(), key: key.serialize_pem() })
    }

    fn shown(&self) -> Vec<Certificate> {
        Certificate::all_in(self.certificate.as_bytes())
    }
}

impl Mounted {
    fn with(pair: &Pair) -> Result<Self> {
        let mut mounted = Self { dir: tempfile::tempdir()?, swaps: 0 };
        mounted.swap(&pair.certificate, &pair.key)?;
        for file in ["tls.crt", "tls.key"] {
            symlink(Path::new("..data").join(file), mounted.file(file))?;
        }
        Ok(mounted)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Updates the files as a kubelet does (`AtomicWriter`): a new folder, and a link that is renamed over the old one.
    fn swap(&mut self, certificate: &str, key: &str) -> Result<()> {
        self.swaps += 1;
        let folder = format!("..2026_11_21_{}", self.swaps);
        fs::create_dir(self.file(&folder))?;
        fs::write(self.file(&folder).join("tls.crt"), certificate)?;
        fs::write(self.file(&folder).join("tls.key"), key)?;
        symlink(folder, self.file("..data_tmp"))?;
        fs::rename(self.file("..data_tmp"), self.file("..data"))?;
        Ok(())
    }
}

/// Waits until `pair` is served at `address`. Until then, only the pair `before` may be served.
async fn becomes(address: SocketAddr, pair: &Pair, before: &Pair, how: &str) -> Result<()> {
    let began = Instant::now();
    let bundle = format!("{}{}", pair.certificate, before.certificate);
    eventually(how, LONG, async || {
        // With any other pair, the handshake fails.
        match shake_hands(address, bundle.as_bytes()).await {
            Ok(shown) if pair.shown() == [shown.clone()] => Ok(Ok(())),
            Ok(shown) => Err(format!("{shown:?}")),
            Err(error) => Ok(Err(error)),
        }
    })
    .await??;
    println!("{how}: served after {:?}", began.elapsed());
    Ok(())
}

async fn rejected(warden: &WardenProcess) -> Result<u64> {
    let metrics = warden.metrics().await?;
    let value = metrics.lines().find_map(|line| line.strip_prefix("warden_tls_certificate_rejected_total "));
    Ok(value.map(str::parse).transpose()?.unwrap_or(0))
}

/// Waits until `times` contents were rejected, and checks that `pair` is still served.
async fn stays(warden: &WardenProcess, address: SocketAddr, pair: &Pair, times: u64, how: &str) -> Result<()> {
    eventually(how, LONG, async || match rejected(warden).await {
        Ok(now) if now == times => Ok(()),
        Ok(now) => Err(format!("rejected {now} times")),
        Err(error) => Err(error.to_string()),
    })
    .await?;
    let shown = shake_hands(address, pair.certificate.as_bytes()).await?;
    ensure!(pair.shown() == [shown], "{how}: the pair is not served any more");
    println!("{how}: the one before stays");
    Ok(())
}

#[tokio::test]
async fn a_new_pair_in_files_is_served_when_it_is_complete_and_valid() -> Result<()> {
    // Given a warden that serves a pair from a mounted folder
    let site = Site::install(&[]).await?;
    let plane = &site.plane;
    let first = Pair::new(false)?;
    let mut mounted = Mounted::with(&first)?;
    let certificate = ServingCertificate {
        ca_pem: first.certificate.clone(),
        cert_path: mounted.file("tls.crt"),
        key_path: mounted.file("tls.key"),
    };
    let path = env!("CARGO_BIN_EXE_warden").into();
    let program = WardenProgram { path, leading_args: Vec::new(), certificate };
    let kubeconfig = plane.kubeconfig_for_service_account(NAME, NAME).await?;
    let (address, no_lease) = (replica_address()?, ["--controllers=none".to_owned()]);
    let warden = WardenProcess::start(plane, &program, &kubeconfig, address, &no_lease).await?;
    // When a kubelet swaps the folder, then the new pair is served
    let second = Pair::new(false)?;
    mounted.swap(&second.certificate, &second.key)?;
    becomes(address, &second, &first, "..data swapped").await?;
    // When both files are written in place
    let third = Pair::new(false)?;
    fs::write(mounted.file("tls.crt"), &third.certificate)?;
    fs::write(mounted.file("tls.key"), &third.key)?;
    becomes(address, &third, &second, "written in place").await?;
    // When the key is written long before the certificate, then nothing changes until both are new
    let fourth = Pair::new(false)?;
    fs::write(mounted.file("tls.key"), &fourth.key)?;
    stays(&warden, address, &third, 1, "the key alone").await?;
    fs::write(mounted.file("tls.crt"), &fourth.certificate)?;
    becomes(address, &fourth, &third, "key, then certificate").await?;
    // When the new pair is expired, garbage, or missing, then nothing changes
    let expired = Pair::new(true)?;
    mounted.swap(&expired.certificate, &expired.key)?;
    stays(&warden, address, &fourth, 2, "an expired pair").await?;
    mounted.swap("garbage", "garbage")?;
    stays(&warden, address, &fourth, 3, "garbage").await?;
    fs::remove_file(mounted.file("tls.crt"))?;
    stays(&warden, address, &fourth, 4, "no file").await?;
    // When there is a valid pair again, then it is served
    let fifth = Pair::new(false)?;
    fs::write(mounted.file("tls.crt"), &fifth.certificate)?;
    fs::write(mounted.file("..data/tls.key"), &fifth.key)?;
    becomes(address, &fifth, &fourth, "a good one after all").await
}
