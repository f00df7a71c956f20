//! The modules of one crate, and the paths that the code of each of them names.
//!
//! A module is a file or an inline `mod`. Paths are resolved through modules and `use` items, as the compiler
//! does. Names that a macro generates are not found, nor are names from glob imports, which a lint forbids.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{
    Attribute, ImplItemFn, Item, ItemConst, ItemEnum, ItemFn, ItemImpl, ItemMacro, ItemMod, ItemStatic,
    ItemStruct, ItemTrait, ItemType, ItemUse, Macro, Path, UseTree,
};

use super::graph::Edge;
use crate::sources::SourceFile;

/// The most re-exports that are followed for one path. The limit only stops endless circles of `use`.
const MOST_RE_EXPORTS: usize = 16;

/// All modules of a crate, by their paths from its root.
pub(super) struct Tree {
    modules: BTreeMap<Vec<String>, Module>,
}

/// The contents of one module.
#[derive(Default)]
struct Module {
    file: String,
    /// The paths in its code as they are written, with their lines.
    named: Vec<(Vec<String>, usize)>,
    /// Each name that a `use` imports, and its path as it is written.
    imports: BTreeMap<String, Vec<String>>,
}

impl Tree {
    /// Reads the crate whose root module is this file.
    pub(super) fn read(root: &SourceFile, files: &[SourceFile]) -> Result<Self> {
        let folder = root.path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        let files = files.iter().map(|file| (file.path.as_str(), file)).collect();
        let mut reader = Reader { files, modules: BTreeMap::new(), path: Vec::new(), folder, error: None };
        reader.read_file(root);
        match reader.error {
            Some(error) => Err(error),
            None => Ok(Self { modules: reader.modules }),
        }
    }

    /// Every use of a module by another one, between the two ancestors that have the same parent.
    pub(super) fn edges(&self) -> Vec<Edge> {
        let mut edges = Vec::new();
        for (from, module) in &self.modules {
            for (written, line) in &module.named {
                let Some(to) = self.absolute(from, written).map(|path| self.module_of(from, path, 0)) else {
                    continue;
                };
                let shared = from.iter().zip(&to).take_while(|(from, to)| from == to).count();
                if let (Some(child), Some(other)) = (from.get(shared), to.get(shared)) {
                    edges.push(Edge {
                        parent: from[..shared].to_vec(),
                        from: child.clone(),
                        to: other.clone(),
                        place: format!("{}:{line}", module.file),
                    });
                }
            }
        }
        edges
    }

    /// The path from the root of the crate; `None` if it leads out of the crate.
    fn absolute(&self, from: &[String], written: &[String]) -> Option<Vec<String>> {
        self.without_imports(from, written).or_else(|| {
            let (first, rest) = written.split_first()?;
            let import = self.modules[from].imports.get(first)?;
            Some([self.without_imports(from, import)?.as_slice(), rest].concat())
        })
    }

    /// The same for a path whose first part is not an imported name.
    fn without_imports(&self, from: &[String], written: &[String]) -> Option<Vec<String>> {
        let (first, mut rest) = written.split_first()?;
        let mut base = from.to_vec();
        match first.as_str() {
            "crate" => base.clear(),
            "self" => {}
            "super" => drop(base.pop()?),
            _ => {
                base.push(first.clone());
                self.modules.get(&base)?;
            }
        }
        while let Some((_, below)) = rest.split_first().filter(|(part, _)| *part == "super") {
            base.pop()?;
            rest = below;
        }
        Some([base.as_slice(), rest].concat())
    }

    /// The module that contains what a path names.
    ///
    /// A re-export of a child is followed if the code in `from` has the same parent.
    fn module_of(&self, from: &[String], path: Vec<String>, followed: usize) -> Vec<String> {
        let mut module = Vec::new();
        for (index, part) in path.iter().enumerate() {
            module.push(part.clone());
            if self.modules.contains_key(&module) {
                continue;
            }
            module.pop();
            let Some(import) = self.modules[&module].imports.get(part) else { break };
            if followed == MOST_RE_EXPORTS || !from.starts_with(&module) {
                break;
            }
            match self.absolute(&module, import) {
                Some(mut target) if target.starts_with(&module) => {
                    target.extend_from_slice(&path[index + 1..]);
                    return self.module_of(from, target, followed + 1);
                }
                _ => break,
            }
        }
        module
    }
}

/// Reads a module and then its children.
struct Reader<'f> {
    files: BTreeMap<&'f str, &'f SourceFile>,
    modules: BTreeMap<Vec<String>, Module>,
    /// The module that is being read, and where the files of its children are.
    path: Vec<String>,
    folder: String,
    error: Option<anyhow::Error>,
}

impl Reader<'_> {
    fn read_file(&mut self, file: &SourceFile) {
        match syn::parse_file(&file.text).with_context(|| format!("{} is not valid Rust", file.path)) {
            Ok(parsed) => self.read_items(&file.path, &parsed.items),
            Err(error) => self.error = Some(error),
        }
    }

    fn read_items(&mut self, file: &str, items: &[Item]) {
        let module = Module { file: file.to_owned(), ..Module::default() };
        self.modules.insert(self.path.clone(), module);
        items.iter().for_each(|item| self.visit_item(item));
    }

    fn module(&mut self) -> &mut Module {
        self.modules.get_mut(&self.path).expect("a module is inserted before its items are visited")
    }

    fn name(&mut self, path: &[&Ident]) {
        let Some(first) = path.first().filter(|_| path.len() > 1) else { return };
        let line = first.span().start().line;
        let written = path.iter().map(ToString::to_string).collect();
        self.module().named.push((written, line));
    }

    /// Finds paths in the arguments of a macro, which are not parsed: names with `::` between them.
    fn name_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<Ident> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Ident(ident) if colons == 2 && !path.is_empty() => {
                    path.push(ident);
                    colons = 0;
                }
                other => {
                    self.name(&path.iter().collect::<Vec<_>>());
                    path.clear();
                    match other {
                        // After `::` without a name before it, the path leads out of the crate.
                        TokenTree::Ident(ident) if colons != 2 => path.push(ident),
                        TokenTree::Group(group) => self.name_tokens(group.stream()),
                        _ => {}
                    }
                    colons = 0;
                }
            }
        }
        self.name(&path.iter().collect::<Vec<_>>());
    }

    fn import(&mut self, tree: &UseTree, above: &[&Ident]) {
        let (path, name) = match tree {
            UseTree::Path(part) => return self.import(&part.tree, &[above, &[&part.ident]].concat()),
            UseTree::Group(group) => return group.items.iter().for_each(|tree| self.import(tree, above)),
            UseTree::Glob(_) => return self.name(above),
            UseTree::Name(name) if name.ident == "self" => (above.to_vec(), above[above.len() - 1]),
            UseTree::Name(name) => ([above, &[&name.ident]].concat(), &name.ident),
            UseTree::Rename(name) if name.ident == "self" => (above.to_vec(), &name.rename),
            UseTree::Rename(name) => ([above, &[&name.ident]].concat(), &name.rename),
        };
        self.name(&path);
        let written: Vec<_> = path.iter().map(ToString::to_string).collect();
        self.module().imports.insert(name.to_string(), written);
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_for_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        if !is_for_tests(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        let name = item.ident.to_string();
        let outside = self.folder.clone();
        let folder = format!("{outside}/{name}");
        let file = self.module().file.clone();
        self.path.push(name);
        self.folder = folder.clone();
        if let Some((_, items)) = &item.content {
            self.read_items(&file, items);
        } else {
            let candidates = [format!("{folder}.rs"), format!("{folder}/mod.rs")];
            let found = candidates.iter().find_map(|path| self.files.get(path.as_str()).copied());
            if let Some(found) = found.filter(|found| !found.is_test()) {
                self.read_file(found);
            }
        }
        self.path.pop();
        self.folder = outside;
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if item.leading_colon.is_none() {
            self.import(&item.tree, &[]);
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        if path.leading_colon.is_none() {
            self.name(&path.segments.iter().map(|part| &part.ident).collect::<Vec<_>>());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.visit_path(&call.path);
        self.name_tokens(call.tokens.clone());
    }
}

/// The attributes of an item. Rare kinds of items count as having none.
fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(ItemConst { attrs, .. })
        | Item::Enum(ItemEnum { attrs, .. })
        | Item::Fn(ItemFn { attrs, .. })
        | Item::Impl(ItemImpl { attrs, .. })
        | Item::Macro(ItemMacro { attrs, .. })
        | Item::Mod(ItemMod { attrs, .. })
        | Item::Static(ItemStatic { attrs, .. })
        | Item::Struct(ItemStruct { attrs, .. })
        | Item::Trait(ItemTrait { attrs, .. })
        | Item::Type(ItemType { attrs, .. })
        | Item::Use(ItemUse { attrs, .. }) => attrs,
        _ => &[],
    }
}

/// Whether `#[cfg(test)]` is among the attributes.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg") && attribute.parse_args::<Ident>().is_ok_and(|name| name == "test")
    })
}
