//! evm-fuzz: see --help and docs/evm-bench.md.
#[path = "../args.rs"]
mod args;
#[path = "../case.rs"]
#[allow(dead_code)]
mod case;
mod evmc;
mod fisco;
mod host;
mod peer;
mod program;

use case::to_hex;
use peer::Ending;
use program::{Profile, Test};
use revm::context_interface::result::HaltReason;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const USAGE: &str = "\
evm-fuzz --library FILE [--seeds A..B] [--seconds N] [--seed S] [--profile P]
  --library  libcbcos-evm.so
  --seeds    the seeds to run (default 0.., until the time is over)
  --seconds  stop after N seconds
  --seed     run one seed and print its programs, our host's messages and revm's instructions
  --profile  ethereum, fisco or both (default): even seeds by Ethereum's rules, odd ones by FISCO's
Each seed is a few contracts and a transaction, at Cancun, Shanghai, London or Istanbul (Cancun, Paris or
London by FISCO's rules, which revm is given as prices and precompiled contracts). Compared are the
ending, gas spent, refund, output, logs, and every account and slot. Ends with 'N passed, M failed'.
bench/evm/run --fuzz builds all of it and calls this program.";
const SHOWN_MAX: u64 = 20; // failures

/// EVMC has no status for it, and ours none of its own.
const INIT_CODE_TOO_LARGE: i32 = 100;

/// Failures that the two name differently by design, ours first (docs/evm-bench.md).
const NAMED_OTHERWISE: [(i32, i32); 7] =
    [(3, 9), (3, 100), (5, 3), (6, 3), (7, 3), (7, 6), (7, 100)];

struct Options {
    library: String,
    seeds: std::ops::Range<u64>,
    seconds: Option<u64>,
    trace: bool,
    profile: Option<Profile>, // None: both, in turn
}

fn options() -> Result<Options, String> {
    let mut o = Options {
        library: String::new(),
        seeds: 0..u64::MAX,
        seconds: None,
        trace: false,
        profile: None,
    };
    args::read(USAGE, |option, value| {
        match option {
            "--library" => o.library = value,
            "--seeds" => {
                let (a, b) = value
                    .split_once("..")
                    .ok_or(format!("--seeds {value}: A..B"))?;
                let end = |text| args::number(option, text);
                o.seeds = end(a)?..if b.is_empty() { u64::MAX } else { end(b)? };
            }
            "--seconds" => o.seconds = Some(args::number(option, &value)?),
            "--seed" => {
                let seed = args::number(option, &value)?;
                o.seeds = seed..seed + 1;
                o.trace = true;
            }
            "--profile" => {
                o.profile = match value.as_str() {
                    "ethereum" => Some(Profile::Ethereum),
                    "fisco" => Some(Profile::Fisco),
                    "both" => None,
                    _ => return Err(format!("--profile {value}: ethereum, fisco or both")),
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    if o.library.is_empty() {
        return Err(format!("--library is needed\n{USAGE}"));
    }
    if o.seeds.is_empty() {
        return Err("no seeds".into());
    }
    if o.seeds.end == u64::MAX && o.seconds.is_none() {
        return Err("--seconds or an end of --seeds is needed".into());
    }
    Ok(o)
}

/// Our status for revm's reason.
fn status_of(reason: &HaltReason) -> i32 {
    match reason {
        HaltReason::OutOfGas(_) => evmc::OUT_OF_GAS,
        HaltReason::InvalidFEOpcode => 4,
        HaltReason::OpcodeNotFound | HaltReason::NotActivated => 5,
        HaltReason::StackOverflow => 6,
        HaltReason::StackUnderflow => 7,
        HaltReason::InvalidJump => 8,
        HaltReason::OutOfOffset => 9,
        HaltReason::StateChangeDuringStaticCall | HaltReason::CallNotAllowedInsideStatic => 11,
        HaltReason::CreateInitCodeSizeLimit => INIT_CODE_TOO_LARGE,
        _ => evmc::FAILURE,
    }
}

#[derive(Default)]
struct Tally {
    passed: BTreeMap<Profile, u64>,
    failed: u64,
    endings: BTreeMap<String, u64>,
    reasons: BTreeMap<(i32, i32), u64>, // of NAMED_OTHERWISE
}

fn differing<K: Ord + Clone, V: PartialEq>(a: &BTreeMap<K, V>, b: &BTreeMap<K, V>) -> Option<K> {
    let other = a
        .iter()
        .find(|(k, v)| b.get(k) != Some(v))
        .map(|(k, _)| k.clone());
    other.or_else(|| b.keys().find(|k| !a.contains_key(k)).cloned())
}

/// What differs, or nothing.
fn compare(vm: &evmc::Vm, test: &Test, trace: bool, tally: &mut Tally) -> Result<(), String> {
    let theirs = peer::transact(test, trace)?;
    let mut host = host::Host::new(vm, test.rev, test);
    host.trace = trace;
    let ours = host.transact(test);
    let status = match &theirs.ending {
        Ending::Success => evmc::SUCCESS,
        Ending::Revert => evmc::REVERT,
        Ending::Halt(reason) => status_of(reason),
    };
    *tally.endings.entry(format!("{:2}", status)).or_default() += 1;
    if ours.status != status {
        if !NAMED_OTHERWISE.contains(&(ours.status, status)) {
            return Err(format!("status {} and {status}", ours.status));
        }
        *tally.reasons.entry((ours.status, status)).or_default() += 1;
    }
    let spent = test.gas - ours.gas_left as u64;
    if spent != theirs.spent {
        return Err(format!("gas {spent} and {}", theirs.spent));
    }
    let refund = host.refund(spent, ours.gas_refund);
    if refund != theirs.refund {
        return Err(format!("refund {refund} and {}", theirs.refund));
    }
    if ours.output != theirs.output {
        return Err(format!(
            "output {} and {}",
            to_hex(&ours.output),
            to_hex(&theirs.output)
        ));
    }
    let flat = |logs: &[host::Log]| {
        logs.iter()
            .map(|l| (l.address, l.topics.clone(), l.data.clone()))
            .collect::<Vec<_>>()
    };
    if flat(&host.logs) != flat(&theirs.logs) {
        return Err(format!(
            "logs: {} and {}",
            host.logs.len(),
            theirs.logs.len()
        ));
    }
    let info = |accounts: &BTreeMap<evmc::Addr, program::Account>| {
        let view = |a: &program::Account| (a.balance, a.nonce, a.code.clone());
        accounts
            .iter()
            .map(|(k, a)| (*k, view(a)))
            .collect::<BTreeMap<_, _>>()
    };
    let (a, b) = (info(&host.accounts), info(&theirs.accounts));
    if let Some(k) = differing(&a, &b) {
        let (x, y) = (a.get(&k), b.get(&k));
        let short = |v: Option<&(_, u64, std::rc::Rc<Vec<u8>>)>| {
            v.map_or("none".to_string(), |v: &(revm::primitives::U256, _, _)| {
                format!("balance {} nonce {} code {} bytes", v.0, v.1, v.2.len())
            })
        };
        return Err(format!(
            "account {}: {} and {}",
            host::short(&k),
            short(x),
            short(y)
        ));
    }
    if let Some(k) = differing(&host.storage, &theirs.storage) {
        let text = |v: Option<&evmc::Word>| v.map_or("0".into(), |w| to_hex(w));
        return Err(format!(
            "slot {} of {}: {} and {}",
            to_hex(&k.1),
            host::short(&k.0),
            text(host.storage.get(&k)),
            text(theirs.storage.get(&k))
        ));
    }
    Ok(())
}

fn show(test: &Test) {
    println!(
        "profile {}, revision {}, gas {}, value {}",
        test.profile, test.rev, test.gas, test.value
    );
    for (address, account) in &test.accounts {
        println!(
            "{} balance {} code {}",
            to_hex(address),
            account.balance,
            to_hex(&account.code)
        );
    }
    let to = test.to.map_or("a new contract".to_string(), |a| to_hex(&a));
    println!("transaction to {to}, input {}", to_hex(&test.input));
}

fn run(o: &Options) -> Result<Tally, String> {
    let ethereum = evmc::Vm::load(&o.library, Profile::Ethereum)?;
    let fisco = evmc::Vm::load(&o.library, Profile::Fisco)?;
    println!("{} beside revm 43.0.3", ethereum.name());
    let begin = Instant::now();
    let limit = o.seconds.map(Duration::from_secs);
    let mut tally = Tally::default();
    for seed in o.seeds.clone() {
        if seed % 64 == 0 && limit.is_some_and(|l| begin.elapsed() >= l) {
            break;
        }
        let turn = [Profile::Ethereum, Profile::Fisco][(seed % 2) as usize];
        let profile = o.profile.unwrap_or(turn);
        let vm = match profile {
            Profile::Ethereum => &ethereum,
            Profile::Fisco => &fisco,
        };
        let test = program::test(seed, profile);
        if o.trace {
            show(&test);
        }
        match compare(vm, &test, o.trace, &mut tally) {
            Ok(()) => *tally.passed.entry(profile).or_default() += 1,
            Err(text) => {
                tally.failed += 1;
                if tally.failed <= SHOWN_MAX {
                    println!(
                        "seed {seed} ({profile}, revision {}): ours and revm's differ: {text}",
                        test.rev
                    );
                }
            }
        }
    }
    println!("{:.0} s", begin.elapsed().as_secs_f64());
    Ok(tally)
}

fn main() {
    let o = options().unwrap_or_else(|e| fail(&e));
    // 1024 nested messages of ours are nested on this stack
    let thread = std::thread::Builder::new()
        .stack_size(256 << 20)
        .spawn(move || run(&o));
    let done = thread
        .map_err(|e| e.to_string())
        .and_then(|t| t.join().map_err(|_| "panic".into()));
    let tally = done.and_then(|r| r).unwrap_or_else(|e| fail(&e));
    let counts: Vec<_> = tally
        .endings
        .iter()
        .map(|(k, n)| format!("{}: {n}", k.trim()))
        .collect();
    println!("endings by EVMC status: {}", counts.join(", "));
    for ((ours, theirs), n) in &tally.reasons {
        println!("failures named otherwise: {n} times status {ours}, revm {theirs}");
    }
    for (profile, n) in &tally.passed {
        println!("profile {profile}: {n} passed");
    }
    let passed: u64 = tally.passed.values().sum();
    println!("{passed} passed, {} failed", tally.failed);
    if tally.failed > 0 {
        std::process::exit(1);
    }
}

fn fail(text: &str) -> ! {
    eprintln!("evm-fuzz: {text}");
    std::process::exit(1);
}
