//! The command line of both programs: --help, and options that each have a value.
use std::str::FromStr;

/// Gives every option with its value to take, whose false means that it knows no such option.
pub fn read(
    usage: &str,
    mut take: impl FnMut(&str, String) -> Result<bool, String>,
) -> Result<(), String> {
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        if arg == "--help" {
            println!("{usage}");
            std::process::exit(0);
        }
        let value = args.next().ok_or(format!("{arg}: a value must follow"))?;
        if !take(&arg, value)? {
            return Err(format!("{arg}: unknown option"));
        }
    }
    Ok(())
}

pub fn number<T: FromStr>(option: &str, value: &str) -> Result<T, String> {
    value
        .parse()
        .map_err(|_| format!("{option} {value}: not a number"))
}
