//! The lines that cases.mjs prints.

#[derive(Clone, Copy, PartialEq)]
pub enum Group {
    Compute,
    State,
    Precompile,
}

pub struct Case {
    pub name: String,
    pub group: Group,
    pub input: Vec<u8>,
    pub accounts: Vec<([u8; 20], Vec<u8>)>,
}

pub fn hex(text: &str) -> Result<Vec<u8>, String> {
    if text.len() % 2 != 0 || !text.is_ascii() {
        return Err(format!("not hex: {:.20}", text));
    }
    (0..text.len() / 2)
        .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).map_err(|e| e.to_string()))
        .collect()
}

pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn parse(line: &str) -> Result<Case, String> {
    let mut words = line.split(' ');
    let mut next = || words.next().ok_or("line ends early".to_string());
    let name = next()?.to_string();
    let group = match next()? {
        "compute" => Group::Compute,
        "state" => Group::State,
        "precompile" => Group::Precompile,
        other => return Err(format!("no group {other}")),
    };
    let input = match next()? {
        "-" => Vec::new(),
        text => hex(text)?,
    };
    let accounts: Vec<_> = words
        .map(|w| {
            let (address, code) = w.split_once('=').ok_or("ADDRESS=CODE expected")?;
            let address = hex(address)?
                .try_into()
                .map_err(|_| "address of 20 bytes expected")?;
            Ok::<_, String>((address, hex(code)?))
        })
        .collect::<Result<_, _>>()?;
    if accounts.is_empty() {
        return Err("no account".into());
    }
    Ok(Case {
        name,
        group,
        input,
        accounts,
    })
}

pub fn read(path: &str) -> Result<Vec<Case>, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{path}: {e}"))?;
    let cases = text
        .lines()
        .enumerate()
        .map(|(i, line)| parse(line).map_err(|e| format!("{path}:{}: {e}", i + 1)))
        .collect::<Result<Vec<_>, _>>()?;
    if cases.is_empty() {
        return Err(format!("{path}: no cases"));
    }
    Ok(cases)
}
