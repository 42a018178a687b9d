//! Boots a control plane with three bases and an ordinary node, tells how to reach it, and keeps it until its standard input
//! ends.

use std::io::{Read, Write};

use anyhow::Result;
use warden_testbed::{Base, Component, ControlPlane, Options};

#[tokio::main]
async fn main() -> Result<()> {
    let plane = ControlPlane::start(Options::new()).await?;
    for identity in ["10.0.0.1", "10.0.0.2", "10.0.0.3"] {
        plane.add_base(Base::new(identity)).await?;
    }
    plane.add_ordinary_node("node-1").await?;

    let mut out = std::io::stdout().lock();
    for component in Component::ALL {
        writeln!(out, "{} {}", component.name(), plane.pid(component).unwrap_or_default())?;
    }
    writeln!(out, "data {}", plane.dir().display())?;
    writeln!(out, "kubectl {}", plane.kubectl_path().display())?;
    writeln!(out, "export KUBECONFIG={}", plane.kubeconfig().display())?;
    writeln!(out, "{}", plane.ledger().now())?;
    writeln!(out, "ready; runs until standard input ends")?;
    out.flush()?;
    tokio::task::spawn_blocking(|| std::io::stdin().lock().read_to_end(&mut Vec::new())).await??;
    Ok(())
}
