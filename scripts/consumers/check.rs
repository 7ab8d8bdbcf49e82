//! Checks a convolution in Rust, and three broken ones, on the cores of the golden vectors, in JSON alone:
//! rustc -O check.rs -o check && ./check fixtures

mod convolution;
mod json;

use json::Json;

fn read(directory: &str, file: &str) -> Json {
    let text = std::fs::read_to_string(format!("{directory}/{file}")).unwrap_or_else(|error| exit(file, &error.to_string()));
    Json::parse(&text).unwrap_or_else(|error| exit(file, &error))
}

fn exit(file: &str, error: &str) -> ! {
    eprintln!("{file}: {error}");
    std::process::exit(2)
}

fn main() {
    let directory = std::env::args().nth(1).unwrap_or_else(|| "fixtures".into());
    let index = read(&directory, "index.json");
    let cores: Vec<Json> = index.get("cores").members().map(|(_, core)| read(&directory, core.get("file").text())).collect();
    let mut failed = false;
    for fault in convolution::FAULTS {
        let cases = cores.iter().flat_map(|core| core.get("cases").list());
        let (count, wrong, surprises) = convolution::compared(cases, fault);
        let name = if fault.is_empty() { "right" } else { fault };
        let told = if fault.is_empty() { "none" } else { "those that are flagged" };
        let said = if surprises.is_empty() { told.into() } else { surprises[..surprises.len().min(5)].join("; ") };
        println!("{name}: {count} results compared, {wrong} wrong: {said}");
        failed |= !surprises.is_empty() || count == 0;
    }
    std::process::exit(failed.into())
}
