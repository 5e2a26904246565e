//! Which of our crates may depend on which: edges only point down.
//!
//! A new edge changes the architecture and needs a decision record in `docs/adr`.

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, Metadata};

use super::finding::Finding;

/// Crate that only tests may use; it may itself use everything.
const TESTKIT: &str = "madang-testkit";

/// Every crate of the workspace with the crates of ours that it may name.
const ALLOWED: &[(&str, &[&str])] = &[
    ("madang-model", &[]),
    // Words of the parser of the command line, for every program.
    ("madang-terminal", &[]),
    ("madang-wire", &["madang-model"]),
    ("madang-crypto", &["madang-model", "madang-wire"]),
    ("madang-store", &["madang-model", "madang-wire"]),
    ("madang-p2p", &["madang-model", "madang-wire"]),
    ("madang-media", &["madang-model", "madang-wire"]),
    (
        "madang-node",
        &["madang-model", "madang-wire", "madang-crypto", "madang-store", "madang-p2p", "madang-media"],
    ),
    ("madang-api", &["madang-model", "madang-node"]),
    ("madang-socket", &["madang-api"]),
    // The programs start the node; as media workers they are started again with nothing but media.
    ("madang-cli", &["madang-api", "madang-node", "madang-media", "madang-socket", "madang-terminal"]),
    ("madang-desktop", &["madang-api", "madang-node", "madang-media", "madang-socket", "madang-terminal"]),
    // Of p2p only the transport pieces, without its feature for clients.
    ("madang-relay", &["madang-model", "madang-wire", "madang-p2p", "madang-terminal"]),
    ("madang-tests", &["madang-api", TESTKIT]),
    ("xtask", &[]),
];

/// A package of the workspace and what it declares.
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// Names of its dependencies; `true` for those of tests only.
    pub(crate) dependencies: BTreeSet<(String, bool)>,
}

/// The packages of the workspace.
pub(crate) fn packages(metadata: &Metadata) -> Vec<Package> {
    let package = |package: &&cargo_metadata::Package| Package {
        name: package.name.to_string(),
        dependencies: package
            .dependencies
            .iter()
            .map(|d| (d.name.clone(), d.kind == DependencyKind::Development))
            .collect(),
    };
    metadata.workspace_packages().iter().map(package).collect()
}

/// Checks all edges between packages.
pub(crate) fn check(packages: &[Package], findings: &mut Vec<Finding>) {
    let ours: BTreeSet<&str> = packages.iter().map(|p| p.name.as_str()).collect();
    for package in packages.iter().filter(|p| p.name != TESTKIT) {
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == package.name) else {
            let text = "is not in the table of edges: decide where it stands (docs/adr) and add it";
            findings.push(Finding::whole(&package.name, text));
            continue;
        };
        for (name, test_only) in package.dependencies.iter().filter(|(name, _)| ours.contains(name.as_str()))
        {
            let testing = *test_only && (name == TESTKIT || *name == package.name);
            if !allowed.contains(&name.as_str()) && !testing {
                let text = format!("may not depend on {name}: edges only point down");
                findings.push(Finding::whole(&package.name, text));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[(&str, bool)]) -> Package {
        let dependencies = dependencies.iter().map(|(n, t)| ((*n).to_owned(), *t)).collect();
        Package { name: name.to_owned(), dependencies }
    }

    fn findings(packages: &[Package]) -> Vec<String> {
        let mut findings = Vec::new();
        check(packages, &mut findings);
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn edges_that_point_down_are_fine() {
        let packages = [
            package("madang-model", &[("thiserror", false)]),
            package("madang-wire", &[("madang-model", false), ("prost", false)]),
            package("madang-testkit", &[("madang-wire", false), ("madang-model", false)]),
        ];
        assert!(findings(&packages).is_empty());
    }

    #[test]
    fn an_edge_that_points_up_is_found() {
        let packages = [package("madang-model", &[("madang-wire", false)]), package("madang-wire", &[])];
        assert_eq!(
            findings(&packages),
            ["madang-model: may not depend on madang-wire: edges only point down"]
        );
    }

    #[test]
    fn an_edge_that_points_up_in_tests_is_found_too() {
        let packages = [package("madang-store", &[("madang-node", true)]), package("madang-node", &[])];
        assert_eq!(findings(&packages).len(), 1);
    }

    #[test]
    fn the_testkit_is_for_tests_only() {
        let testkit = || package("madang-testkit", &[]);
        assert_eq!(findings(&[package("madang-node", &[("madang-testkit", false)]), testkit()]).len(), 1);
        assert!(findings(&[package("madang-node", &[("madang-testkit", true)]), testkit()]).is_empty());
    }

    #[test]
    fn an_unknown_crate_is_found() {
        assert_eq!(findings(&[package("madang-extra", &[])]).len(), 1);
    }
}
