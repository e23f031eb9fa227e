//! Validates every WGSL file and writes what the rest of the product needs to know of it: bindings, workgroup
//! size and the uniform's fields, reflected and never typed twice.

use std::{env, fmt::Write as _, fs, path::Path, process};

fn main() {
    println!("cargo::rerun-if-changed=wgsl");
    if let Err(message) = generate() {
        println!("cargo::error={message}");
        process::exit(1);
    }
}

fn generate() -> Result<(), String> {
    let mut paths: Vec<_> = fs::read_dir("wgsl")
        .map_err(|error| error.to_string())?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "wgsl"))
        .collect();
    paths.sort();
    let mut modules = String::new();
    let mut names = Vec::new();
    for path in &paths {
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        let source = fs::read_to_string(path).map_err(|error| error.to_string())?;
        modules.push_str(&reflect(&name, &source)?);
        names.push(name);
    }
    let mut out = String::new();
    out.push_str("/// Every kernel; the discriminant indexes [`KERNELS`].\n#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]\npub enum KernelId {\n");
    for name in &names {
        let _ = writeln!(out, "    /// `wgsl/{name}.wgsl`\n    {},", camel(name));
    }
    let _ = writeln!(
        out,
        "}}\n\n/// All kernels in the order of [`KernelId`].\npub static KERNELS: [Kernel; {}] = [",
        names.len()
    );
    for name in &names {
        let _ = writeln!(out, "    {name}::KERNEL,");
    }
    out.push_str("];\n\n");
    out.push_str(&modules);
    let target = Path::new(&env::var("OUT_DIR").map_err(|error| error.to_string())?).join("kernels.rs");
    fs::write(target, out).map_err(|error| error.to_string())
}

fn camel(name: &str) -> String {
    name.split('_')
        .map(|part| {
            let mut letters = part.chars();
            letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
        })
        .collect()
}

/// WGSL without comment lines, blank lines and indentation: what the browser needs, at half the size.
fn compact(source: &str) -> String {
    let lines = source.lines().map(|line| line.split("//").next().unwrap_or("").trim());
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

fn reflect(name: &str, source: &str) -> Result<String, String> {
    let source = &compact(source);
    let module = naga::front::wgsl::parse_str(source)
        .map_err(|error| format!("{name}: {}", error.emit_to_string(source)))?;
    naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::all())
        .validate(&module)
        .map_err(|error| format!("{name}: {}", error.emit_to_string(source)))?;
    let [entry] = module.entry_points.as_slice() else {
        return Err(format!("{name}: exactly one entry point expected"));
    };
    if entry.name != "main" {
        return Err(format!("{name}: the entry point is called `main`"));
    }
    let mut bindings = Vec::new();
    let mut fields = Vec::new();
    for (_, variable) in module.global_variables.iter() {
        let Some(binding) = &variable.binding else { continue };
        let label = variable.name.clone().unwrap_or_default();
        match variable.space {
            naga::AddressSpace::Uniform => {
                fields = uniform_fields(name, &module, variable.ty)?;
                bindings.push((binding.binding, label, true));
            }
            naga::AddressSpace::Storage { access } if access.contains(naga::StorageAccess::STORE) => {
                bindings.push((binding.binding, label, false));
            }
            _ => {
                return Err(format!(
                    "{name}: `{label}` must be uniform, or storage read_write (arenas alias)"
                ));
            }
        }
    }
    bindings.sort();
    if bindings.iter().enumerate().any(|(index, binding)| binding.0 as usize != index) {
        return Err(format!("{name}: bindings are numbered from 0 without gaps"));
    }
    if !bindings.last().is_some_and(|last| last.2) || bindings.iter().filter(|binding| binding.2).count() != 1
    {
        return Err(format!("{name}: the uniform is the last binding, and the only uniform"));
    }
    Ok(render(name, source, entry.workgroup_size, &bindings, &fields))
}

fn uniform_fields(
    name: &str,
    module: &naga::Module,
    ty: naga::Handle<naga::Type>,
) -> Result<Vec<(String, &'static str)>, String> {
    let naga::TypeInner::Struct { members, .. } = &module.types[ty].inner else {
        return Err(format!("{name}: the uniform is a struct"));
    };
    members
        .iter()
        .map(|member| {
            let kind = match module.types[member.ty].inner {
                naga::TypeInner::Scalar(naga::Scalar { kind: naga::ScalarKind::Uint, width: 4 }) => "u32",
                naga::TypeInner::Scalar(naga::Scalar { kind: naga::ScalarKind::Float, width: 4 }) => "f32",
                _ => return Err(format!("{name}: uniform fields are u32 or f32")),
            };
            Ok((member.name.clone().unwrap_or_default(), kind))
        })
        .collect()
}

fn render(
    name: &str,
    source: &str,
    workgroup: [u32; 3],
    bindings: &[(u32, String, bool)],
    fields: &[(String, &'static str)],
) -> String {
    let buffers: Vec<_> =
        bindings.iter().filter(|binding| !binding.2).map(|binding| format!("{:?}", binding.1)).collect();
    let mut out = format!("/// Reflected from `wgsl/{name}.wgsl`.\npub mod {name} {{\n");
    let _ = writeln!(out, "    /// The kernel.\n    pub const KERNEL: super::Kernel = super::Kernel {{");
    let _ =
        writeln!(out, "        id: super::KernelId::{}, name: {name:?}, source: {source:?},", camel(name));
    let _ = writeln!(out, "        workgroup_size: {workgroup:?}, buffers: &[{}],", buffers.join(", "));
    let _ = writeln!(
        out,
        "        needs_f16: {}, needs_packed_int8_dot: {},",
        source.contains("enable f16"),
        source.contains("requires packed_4x8")
    );
    let _ = writeln!(out, "        uniform_words: {},\n    }};", fields.len());
    out.push_str("    /// The uniform, field by field as in the WGSL file.\n    #[derive(Debug, Clone, Copy, PartialEq)]\n    pub struct Params {\n");
    for (field, kind) in fields {
        let _ = writeln!(out, "        /// See the WGSL file's header.\n        pub {field}: {kind},");
    }
    let words: Vec<_> = fields
        .iter()
        .map(
            |(field, kind)| {
                if *kind == "f32" { format!("self.{field}.to_bits()") } else { format!("self.{field}") }
            },
        )
        .collect();
    let _ = writeln!(
        out,
        "    }}\n    impl Params {{\n        /// As the uniform's words.\n        #[must_use]\n        pub fn to_words(&self) -> Vec<u32> {{ vec![{}] }}",
        words.join(", ")
    );
    let reads: Vec<_> = fields
        .iter()
        .map(|(field, kind)| {
            if *kind == "f32" {
                format!("{field}: f32::from_bits(words.next()?)")
            } else {
                format!("{field}: words.next()?")
            }
        })
        .collect();
    let _ = writeln!(
        out,
        "        /// From the uniform's words; `None` if there are too few.\n        #[must_use]\n        pub fn from_words(words: &[u32]) -> Option<Self> {{ let mut words = words.iter().copied(); Some(Self {{ {} }}) }}\n    }}\n}}\n",
        reads.join(", ")
    );
    out
}
