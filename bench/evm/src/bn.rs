//! The BN254 contracts 6, 7, 8 without an EVM around them, beside revm's backends: arkworks (what
//! revm takes by itself) and substrate-bn (its other choice).
use crate::{case::to_hex, measure, median, ours::Ours};
use revm::precompile::bn254;
use substrate_bn::{AffineG1, AffineG2, Fq, Fq2, Fr, Group, Gt, G1, G2};

fn fq(b: &[u8]) -> Option<Fq> {
    Fq::from_slice(b).ok()
}

fn g1(b: &[u8]) -> Option<G1> {
    let (x, y) = (fq(&b[..32])?, fq(&b[32..64])?);
    if x.is_zero() && y.is_zero() {
        return Some(G1::zero());
    }
    AffineG1::new(x, y).ok().map(G1::from)
}

fn g2(b: &[u8]) -> Option<G2> {
    let x = Fq2::new(fq(&b[32..64])?, fq(&b[..32])?);
    let y = Fq2::new(fq(&b[96..128])?, fq(&b[64..96])?);
    if x.is_zero() && y.is_zero() {
        return Some(G2::zero());
    }
    AffineG2::new(x, y).ok().map(G2::from)
}

fn bytes(p: G1) -> Vec<u8> {
    let mut out = vec![0; 64];
    if let Some(a) = AffineG1::from_jacobian(p) {
        a.x().to_big_endian(&mut out[..32]).unwrap();
        a.y().to_big_endian(&mut out[32..]).unwrap();
    }
    out
}

fn substrate(number: u32, input: &[u8]) -> Option<Vec<u8>> {
    Some(match number {
        6 => bytes(g1(input)? + g1(&input[64..])?),
        7 => bytes(g1(input)? * Fr::from_slice(&input[64..96]).ok()?),
        _ => {
            let mut pairs = Vec::new();
            for p in input.chunks_exact(192) {
                pairs.push((g1(p)?, g2(&p[64..])?));
            }
            let mut out = vec![0; 32];
            out[31] = u8::from(substrate_bn::pairing_batch(&pairs) == Gt::one());
            out
        }
    })
}

fn arkworks(number: u32, input: &[u8]) -> Option<Vec<u8>> {
    let out = match number {
        6 => bn254::run_add(input, 0, u64::MAX),
        7 => bn254::run_mul(input, 0, u64::MAX),
        _ => bn254::run_pair(input, 0, 0, u64::MAX),
    };
    out.ok().map(|o| o.bytes.to_vec())
}

/// k*G and k*H for small different k, so that no point is a special one.
fn points(count: u64) -> Vec<u8> {
    let mut all = Vec::new();
    for i in 0..count {
        let k = Fr::from_str(&(1_000_003 * (i + 7)).to_string()).unwrap();
        all.extend(bytes(G1::one() * k));
        let q = AffineG2::from_jacobian(G2::one() * k).unwrap();
        for f in [
            q.x().imaginary(),
            q.x().real(),
            q.y().imaginary(),
            q.y().real(),
        ] {
            let mut b = [0; 32];
            f.to_big_endian(&mut b).unwrap();
            all.extend(b);
        }
    }
    all
}

/// Prints a line for each; returns how many differed.
pub fn compare(library: &str, rounds: usize) -> Result<usize, String> {
    let ours = Ours::new(library)?;
    let p = points(4);
    let scalar = [0xe9u8; 32];
    let cases = [
        ("add", 6, [&p[..64], &p[192..256]].concat()),
        ("mul", 7, [&p[..64], &scalar[..]].concat()),
        ("pairing of 1", 8, p[..192].to_vec()),
        ("pairing of 2", 8, p[..384].to_vec()),
        ("pairing of 4", 8, p.clone()),
    ];
    println!(
        "\n{:<22}{:>13}{:>14}{:>16}",
        "bn254", "ours", "ours/arkworks", "ours/substrate"
    );
    let mut failed = 0;
    for (name, number, input) in &cases {
        let answers = [
            ours.precompile(*number, input),
            arkworks(*number, input),
            substrate(*number, input),
        ];
        if answers[0].is_none() || answers[0] != answers[1] || answers[0] != answers[2] {
            let text = answers.map(|a| a.map_or("refused".into(), |b| to_hex(&b)));
            println!("{name:<22}FAILED: differs: {}", text.join(", "));
            failed += 1;
            continue;
        }
        let (mut times, mut ark, mut sub) = (vec![], vec![], vec![]);
        for _ in 0..rounds {
            let a = measure(&mut || {
                std::hint::black_box(ours.precompile(*number, input));
            });
            times.push(a);
            ark.push(
                a / measure(&mut || {
                    std::hint::black_box(arkworks(*number, input));
                }),
            );
            sub.push(
                a / measure(&mut || {
                    std::hint::black_box(substrate(*number, input));
                }),
            );
        }
        println!(
            "{name:<22}{:10.2} us{:14.3}{:16.3}",
            median(&mut times) / 1e3,
            median(&mut ark),
            median(&mut sub)
        );
    }
    Ok(failed)
}
