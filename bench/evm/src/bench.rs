//! evm-bench: see --help and docs/evm-bench.md.
mod args;
mod bn;
mod case;
mod geth;
mod ours;
mod peer;

use case::{Case, Group};
use std::time::Instant;

const USAGE: &str = "\
evm-bench --library FILE --cases FILE [--geth EVM] [--rounds N] [--only NAME]
  --library  libcbcos-evm-world.so
  --cases    what cases.mjs printed
  --geth     go-ethereum's evm; without it that column is left out
  --rounds   how often every implementation is measured (default 7; geth takes a third of it)
  --only     the cases whose names contain NAME, or bn254
bench/evm/run builds all of it and calls this program.";
const GAS: u64 = 1_000_000_000_000;
const SLICE: f64 = 40e6; // ns, of each implementation in each round

struct Options {
    library: String,
    cases: String,
    geth: Option<String>,
    rounds: usize,
    only: String,
}

fn options() -> Result<Options, String> {
    let mut o = Options {
        library: String::new(),
        cases: String::new(),
        geth: None,
        rounds: 7,
        only: String::new(),
    };
    args::read(USAGE, |option, value| {
        match option {
            "--library" => o.library = value,
            "--cases" => o.cases = value,
            "--geth" => o.geth = Some(value),
            "--rounds" => o.rounds = args::number(option, &value)?,
            "--only" => o.only = value,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    if o.library.is_empty() || o.cases.is_empty() || o.rounds == 0 {
        return Err(format!("--library and --cases are needed\n{USAGE}"));
    }
    Ok(o)
}

/// The thread's processor time in nanoseconds: other programs on the machine do not count.
fn processor_time() -> f64 {
    let mut t = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut t) };
    t.tv_sec as f64 * 1e9 + t.tv_nsec as f64
}

/// Nanoseconds of one call of f, over a slice of time: the processor's and the clock's.
fn measure_both(f: &mut dyn FnMut()) -> (f64, f64) {
    let (clock, begin) = (Instant::now(), processor_time());
    let (mut n, mut took) = (0u32, 0.0);
    while took < SLICE {
        f();
        n += 1;
        took = processor_time() - begin;
    }
    let real = clock.elapsed().as_nanos() as f64;
    (took / f64::from(n), real / f64::from(n))
}

pub fn measure(f: &mut dyn FnMut()) -> f64 {
    measure_both(f).0
}

pub fn median(v: &mut [f64]) -> f64 {
    v.sort_by(f64::total_cmp);
    v[v.len() / 2]
}

struct Row {
    ours: f64,
    revm: f64,
    geth: Option<f64>,
}

/// Ratios are medians of the rounds' ratios: both sides of each saw the same machine. geth tells real
/// time, so it is compared with ours in real time.
fn run_case(case: &Case, o: &Options) -> Result<Row, String> {
    let to = case.accounts[0].0;
    let mut ours = ours::Ours::new(&o.library)?;
    for (address, code) in &case.accounts {
        ours.account(address, code);
    }
    let mut revm = peer::Revm::new(&case.accounts, &case.input, GAS);
    let mine = ours.run(&to, &case.input, GAS as i64);
    let theirs = revm.run();
    if mine.status != 0 || !theirs.0 {
        return Err(format!(
            "did not succeed: status {}, revm {}",
            mine.status, theirs.0
        ));
    }
    if mine.output != theirs.2 || mine.gas_used != theirs.1 || mine.logs != theirs.3 {
        return Err(format!(
            "differs from revm: output {} and {}, gas {} and {}, logs {} and {}",
            case::to_hex(&mine.output),
            case::to_hex(&theirs.2),
            mine.gas_used,
            theirs.1,
            mine.logs,
            theirs.3
        ));
    }
    let geth = o
        .geth
        .as_ref()
        .map(|path| geth::Geth::new(path, case, GAS))
        .transpose()?;
    let (mut times, mut revm_ratios, mut geth_ratios) = (vec![], vec![], vec![]);
    for round in 0..o.rounds {
        let (a, real) = measure_both(&mut || ours.spin(&to, &case.input, GAS as i64));
        let b = measure(&mut || revm.spin());
        times.push(a);
        revm_ratios.push(a / b);
        if let (Some(g), 0) = (&geth, round % 3) {
            geth_ratios.push(real / g.run(&mine.output, mine.gas_used)?);
        }
    }
    Ok(Row {
        ours: median(&mut times),
        revm: median(&mut revm_ratios),
        geth: (!geth_ratios.is_empty()).then(|| median(&mut geth_ratios)),
    })
}

fn show(name: &str, ours: f64, revm: f64, geth: Option<f64>) {
    let geth = geth.map_or(String::new(), |g| format!("{g:12.3}"));
    let ours = if ours > 0.0 {
        format!("{:10.3} ms", ours / 1e6)
    } else {
        " ".repeat(13)
    };
    println!("{name:<22}{ours}{revm:12.3}{geth}");
}

fn mean(v: &[f64]) -> f64 {
    (v.iter().map(|x| x.ln()).sum::<f64>() / v.len() as f64).exp()
}

fn main() {
    let o = options().unwrap_or_else(|e| fail(&e));
    let cases = case::read(&o.cases).unwrap_or_else(|e| fail(&e));
    let cases: Vec<_> = cases.iter().filter(|c| c.name.contains(&o.only)).collect();
    if cases.is_empty() && o.only != "bn254" {
        fail(&format!("--only {}: no such case", o.only));
    }
    if o.geth.is_none() {
        println!("geth's evm is not there: its column is left out");
    }
    let geth = if o.geth.is_some() { "ours/geth" } else { "" };
    println!("{:<22}{:>13}{:>12}{geth:>12}", "case", "ours", "ours/revm");
    let (mut revm, mut peers, mut failed) = (vec![], vec![], 0);
    for case in &cases {
        match run_case(case, &o) {
            Ok(row) => {
                show(&case.name, row.ours, row.revm, row.geth);
                if case.group == Group::Compute {
                    revm.push(row.revm);
                    peers.extend(row.geth);
                }
            }
            Err(e) => {
                println!("{:<22}FAILED: {e}", case.name);
                failed += 1;
            }
        }
    }
    if !revm.is_empty() {
        let geth = (!peers.is_empty()).then(|| mean(&peers));
        show("mean (compute)", 0.0, mean(&revm), geth);
    }
    if o.only.is_empty() || o.only == "bn254" {
        failed += bn::compare(&o.library, o.rounds).unwrap_or_else(|e| fail(&e));
    }
    if failed > 0 {
        fail(&format!("{failed} cases failed"));
    }
}

fn fail(text: &str) -> ! {
    eprintln!("evm-bench: {text}");
    std::process::exit(1);
}
