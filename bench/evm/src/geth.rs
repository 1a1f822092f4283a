//! go-ethereum's `evm run --bench` on the same accounts.
use crate::case::{to_hex, Case};
use std::process::Command;

pub struct Geth {
    path: String,
    prestate: std::path::PathBuf,
    input: String,
    to: String,
}

impl Geth {
    pub fn new(path: &str, case: &Case, gas: u64) -> Result<Geth, String> {
        let accounts: Vec<_> = case
            .accounts
            .iter()
            .map(|(a, c)| {
                format!(
                    "\"{}\":{{\"balance\":\"0x0\",\"code\":\"0x{}\"}}",
                    to_hex(a),
                    to_hex(c)
                )
            })
            .collect();
        let forks: String = [
            "homestead",
            "eip150",
            "eip155",
            "eip158",
            "byzantium",
            "constantinople",
            "petersburg",
            "istanbul",
            "berlin",
            "london",
        ]
        .map(|f| format!("\"{f}Block\":0,"))
        .concat();
        let text = format!(
            "{{\"config\":{{\"chainId\":1,{forks}\"terminalTotalDifficulty\":0,\"shanghaiTime\":0,\
             \"cancunTime\":0,\"blobSchedule\":{{\"cancun\":{{\"target\":3,\"max\":6,\
             \"baseFeeUpdateFraction\":3338477}}}}}},\
             \"gasLimit\":\"{gas:#x}\",\"difficulty\":\"0x0\",\"number\":\"0x0\",\
             \"timestamp\":\"0x1\",\"baseFeePerGas\":\"0x0\",\"alloc\":{{{}}}}}",
            accounts.join(",")
        );
        let prestate = std::env::temp_dir().join(format!(
            "evm-bench-{}-{}.json",
            std::process::id(),
            case.name
        ));
        std::fs::write(&prestate, text).map_err(|e| format!("{}: {e}", prestate.display()))?;
        Ok(Geth {
            path: path.into(),
            prestate,
            input: to_hex(&case.input),
            to: format!("0x{}", to_hex(&case.accounts[0].0)),
        })
    }

    /// Nanoseconds of one run. The answer and the gas must be these.
    pub fn run(&self, output: &[u8], gas: u64) -> Result<f64, String> {
        let got = Command::new(&self.path)
            .args(["run", "--bench", "--prestate"])
            .arg(&self.prestate)
            .args([
                "--receiver",
                &self.to,
                "--sender",
                "0x00000000000000000000000000000000000000ee",
            ])
            .args(["--input", &self.input])
            .output()
            .map_err(|e| format!("{}: {e}", self.path))?;
        let text = String::from_utf8_lossy(&got.stdout).to_string();
        let stats = String::from_utf8_lossy(&got.stderr).to_string();
        if text.trim() != format!("0x{}", to_hex(output)) {
            let first = stats.lines().find(|l| !l.is_empty()).unwrap_or_default();
            return Err(format!(
                "differs from geth: it answers {:.200} {:.200}",
                text.trim(),
                first
            ));
        }
        let field = |name: &str| {
            let line = stats.lines().find(|l| l.starts_with(name));
            line.map(|l| l[name.len()..].trim().to_string())
                .ok_or(format!("geth tells no {name}"))
        };
        if field("EVM gas used:")? != gas.to_string() {
            return Err(format!(
                "differs from geth: gas {gas} and {}",
                field("EVM gas used:")?
            ));
        }
        duration(&field("execution time:")?)
    }
}

impl Drop for Geth {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.prestate);
    }
}

/// Go's way of writing one: 1m2.5s, 12.3ms, 4.5µs, 678ns.
fn duration(text: &str) -> Result<f64, String> {
    let bad = || format!("geth's time {text}");
    let (mut total, mut rest) = (0.0, text);
    while !rest.is_empty() {
        let at = rest
            .find(|c: char| c != '.' && !c.is_ascii_digit())
            .ok_or_else(bad)?;
        let value: f64 = rest[..at].parse().map_err(|_| bad())?;
        let unit = &rest[at..];
        let end = unit
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(unit.len());
        total += value
            * match &unit[..end] {
                "ns" => 1.0,
                "µs" => 1e3,
                "ms" => 1e6,
                "s" => 1e9,
                "m" => 60e9,
                _ => return Err(bad()),
            };
        rest = &unit[end..];
    }
    Ok(total)
}
