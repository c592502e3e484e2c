//! What one file says: where its paths lead, and what it does that belongs elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{BinOp, Expr, Item, UseTree};

use super::{FLOORS, HEADER_TEXT, HEADER_WORDS, RESERVED, STATUS_CODES, is_door, room_of};

/// Segments from the crate's root.
pub type Module = Vec<String>;

/// What one file says.
#[derive(Default)]
pub struct Reading {
    pub module: Module,
    /// Every path into the crate, from its root.
    pub paths: BTreeSet<Module>,
    /// What `use` brings in: name, and path from the root. Asked of doors only.
    pub exports: BTreeMap<String, Module>,
    /// Modules under `#[cfg(test)]` that lie in files of their own.
    pub tests: Vec<Module>,
    pub faults: Vec<String>,
    children: BTreeSet<String>,
    /// The module being read: the file's own, or one written out in it.
    current: Module,
    room: String,
}

/// Reads one file of `src/`.
pub fn read(file: &str, text: &str) -> Reading {
    let stem = file.trim_end_matches(".rs");
    let stem = stem.strip_suffix("mod").map_or(stem, |folder| folder.trim_end_matches('/'));
    let module: Module = stem
        .split('/')
        .filter(|name| *name != "lib" && !name.is_empty())
        .map(str::to_owned)
        .collect();
    let syntax = syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"));

    let room = room_of(&module).map(|(floor, at)| FLOORS[floor].rooms[at].to_owned());
    let mut reading = Reading {
        current: module.clone(),
        module,
        room: room.unwrap_or_default(),
        ..Reading::default()
    };
    for item in &syntax.items {
        match item {
            Item::Mod(inner) if inner.content.is_none() => {
                reading.children.insert(inner.ident.to_string());
            }
            Item::Use(_) | Item::ExternCrate(_) => {}
            Item::Macro(_) if file == "lib.rs" => {}
            Item::Mod(inner) if is_test(&inner.attrs) => {}
            _ if is_door(file) || file == "lib.rs" => {
                reading.faults.push("a door holds `mod` and `use`, nothing else".to_owned());
            }
            _ => {}
        }
    }
    reading.visit_file(&syntax);
    reading
}

impl Reading {
    /// A path as written, and the name it gets where it stands in a `use`.
    fn note(&mut self, path: &[String], name: Option<&str>) {
        for (reserved, rooms) in RESERVED {
            let used = path.windows(reserved.len()).any(|part| part == *reserved);
            if used && !rooms.contains(&self.room.as_str()) {
                self.faults.push(format!("`{}` belongs to {rooms:?}", reserved.join("::")));
            }
        }
        let makes_status = path.windows(2).any(|part| part[0] == "StatusCode");
        if makes_status && !STATUS_CODES.contains(&self.room.as_str()) {
            self.faults.push(format!("`{}`: only rejection.rs answers", path.join("::")));
        }

        let Some(first) = path.first() else { return };
        let rest =
            path.iter().skip_while(|word| matches!(word.as_str(), "crate" | "self" | "super"));
        let ups = path.iter().take_while(|word| matches!(word.as_str(), "self" | "super"));
        let ups = ups.filter(|word| *word == "super").count();
        let base = match first.as_str() {
            "crate" => &[],
            "self" | "super" => &self.current[..self.current.len().saturating_sub(ups)],
            child if name.is_some() && self.children.contains(child) => &self.current[..],
            _ => return,
        };
        let whole: Module = base.iter().chain(rest).cloned().collect();
        if let Some(name) = name {
            self.exports.insert(name.to_owned(), whole.clone());
        }
        // `self` alone, `pub(crate)`, and the like lead nowhere.
        if path.len() > 1 {
            self.paths.insert(whole);
        }
    }

    fn note_use(&mut self, tree: &UseTree, path: &mut Vec<String>) {
        match tree {
            UseTree::Path(step) => {
                path.push(step.ident.to_string());
                self.note_use(&step.tree, path);
                path.pop();
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.note_use(tree, path);
                }
            }
            UseTree::Name(last) if last.ident == "self" => {
                self.note(path, path.last().cloned().as_deref());
            }
            UseTree::Name(last) => {
                let name = last.ident.to_string();
                path.push(name.clone());
                self.note(path, Some(&name));
                path.pop();
            }
            UseTree::Rename(last) => {
                path.push(last.ident.to_string());
                self.note(path, Some(&last.rename.to_string()));
                path.pop();
            }
            _ => self.note(path, Some("*")),
        }
    }

    fn note_text(&mut self, text: &str) {
        let text = text.to_ascii_lowercase().replace('\\', "");
        let found = HEADER_WORDS.iter().find(|word| text.contains(**word));
        if let (Some(word), false) = (found, HEADER_TEXT.contains(&self.room.as_str())) {
            self.faults.push(format!("`{word}`: only challenge.rs writes header text"));
        }
    }

    fn note_unwrap(&mut self) {
        self.faults.push("`unwrap`: say why it cannot fail, in `expect`".to_owned());
    }

    fn note_tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let is = |at: usize, sign: char| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == sign);
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            match token {
                TokenTree::Group(group) => self.note_tokens(group.stream()),
                TokenTree::Literal(literal) => self.note_text(&literal.to_string()),
                TokenTree::Ident(word) if word == "unwrap" && at > 0 && is(at - 1, '.') => {
                    self.note_unwrap();
                }
                TokenTree::Ident(word) => {
                    let mut path = vec![word.to_string()];
                    while is(at + 1, ':') && is(at + 2, ':') {
                        let Some(TokenTree::Ident(next)) = tokens.get(at + 3) else { break };
                        path.push(next.to_string());
                        at += 3;
                    }
                    self.note(&path, None);
                }
                TokenTree::Punct(_) => {}
            }
            at += 1;
        }
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let syn::Meta::List(list) = &attribute.meta else {
            return attribute.path().is_ident("test");
        };
        let words = list.tokens.to_string();
        list.path.is_ident("cfg") && (words == "test" || words.starts_with("all (test,"))
    })
}

fn attributes(item: &Item) -> &[syn::Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

impl<'ast> Visit<'ast> for Reading {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test(attributes(item)) {
            visit::visit_item(self, item);
        } else if let Item::Mod(inner) = item {
            self.tests.push([&self.current[..], &[inner.ident.to_string()]].concat());
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !is_test(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        self.current.push(module.ident.to_string());
        visit::visit_item_mod(self, module);
        self.current.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.note_use(&item.tree, &mut Vec::new());
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let words: Vec<String> =
            path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.note(&words, None);
        visit::visit_path(self, path);
    }

    fn visit_expr_binary(&mut self, binary: &'ast syn::ExprBinary) {
        let asks = matches!(binary.op, BinOp::Eq(_) | BinOp::Ne(_));
        for side in [&*binary.left, &*binary.right] {
            let status = matches!(side, Expr::Path(path)
                if path.path.segments.iter().any(|segment| segment.ident == "StatusCode"));
            if !(asks && status) {
                self.visit_expr(side);
            }
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if call.method == "unwrap" {
            self.note_unwrap();
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_lit_str(&mut self, text: &'ast syn::LitStr) {
        self.note_text(&text.value());
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.note_tokens(call.tokens.clone());
    }

    /// Links in documentation, `pub(in path)`: no imports.
    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}
}
