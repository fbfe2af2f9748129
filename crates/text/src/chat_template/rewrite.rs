//! Rewrites a template so that each operation is metered (`gate.rs`).
//!
//! The engine counts steps, but one step can double a text or compare two large lists. `a ~ b` becomes
//! `__op('~', a, b)`, `x | upper` becomes `__filter('upper', x)`, and so on. Constants and the text between tags become
//! entries of a list. Only branches, loops and names remain as they are.

use std::collections::BTreeMap;

use minijinja::machinery::ast::{
    BinOpKind, Call, CallArg, CallType, CompareOpKind, Expr, IfCond, Stmt, UnaryOpKind,
};
use minijinja::machinery::{Token, parse, tokenize};
use minijinja::syntax::SyntaxConfig;
use minijinja::{Error, ErrorKind, Value};

/// Maximum tokens in one tag, and `elif`s in a template: more could overflow a small stack.
const MAX_TOKENS: usize = 1000;
const MAX_ELIFS: usize = 100;

/// A template with metered operations.
pub(super) struct Rewritten {
    pub(super) source: String,
    pub(super) constants: Vec<Value>,
}

/// Rewrites a template with the given syntax.
pub(super) fn rewrite(source: &str, syntax: SyntaxConfig) -> Result<Rewritten, Error> {
    check_depth(source, syntax.clone())?;
    let mut writer = Writer::default();
    if let Stmt::Template(template) = parse(source, super::NAME, syntax)? {
        // The first pass finds the macros that take any arguments, the second writes their calls.
        writer.body(&template.children)?;
        writer = Writer {
            open_macros: writer.open_macros,
            ..Writer::default()
        };
        writer.body(&template.children)?;
    }
    Ok(Rewritten {
        source: writer.out,
        constants: writer.constants,
    })
}

fn check_depth(source: &str, syntax: SyntaxConfig) -> Result<(), Error> {
    let (mut in_tag, mut elifs) = (0, 0);
    for token in tokenize(source, false, syntax) {
        match token?.0 {
            Token::TemplateData(_) | Token::VariableStart | Token::BlockStart => in_tag = 0,
            Token::Ident("elif") => elifs += 1,
            _ => in_tag += 1,
        }
        if in_tag > MAX_TOKENS || elifs > MAX_ELIFS {
            return Err(Error::new(
                ErrorKind::SyntaxError,
                "it is nested too deeply",
            ));
        }
    }
    Ok(())
}

#[derive(Default)]
struct Writer {
    out: String,
    constants: Vec<Value>,
    /// The parameters of the macros whose bodies ask for `varargs` or `kwargs`, by name.
    open_macros: BTreeMap<String, Vec<String>>,
}

impl Writer {
    fn body(&mut self, statements: &[Stmt]) -> Result<(), Error> {
        statements.iter().try_for_each(|stmt| self.statement(stmt))
    }

    fn statement(&mut self, statement: &Stmt) -> Result<(), Error> {
        match statement {
            Stmt::EmitExpr(emit) => self.tag("{{ ", &emit.expr, " }}")?,
            Stmt::EmitRaw(emit) => {
                let text = self.constant(Value::from(emit.raw));
                self.out += &format!("{{{{ {text} }}}}");
            }
            Stmt::ForLoop(each) => {
                let target = self.target(&each.target)?;
                let list = self.expr(&each.iter)?;
                let filter = match &each.filter_expr {
                    Some(filter) => format!(" if {}", self.expr(filter)?),
                    None => String::new(),
                };
                let recursive = if each.recursive { " recursive" } else { "" };
                self.out += &format!("{{% for {target} in __iter({list}){filter}{recursive} %}}");
                self.body(&each.body)?;
                if !each.else_body.is_empty() {
                    self.out += "{% else %}";
                    self.body(&each.else_body)?;
                }
                self.out += "{% endfor %}";
            }
            Stmt::IfCond(cond) => {
                self.branches("if", cond)?;
                self.out += "{% endif %}";
            }
            Stmt::WithBlock(with) => {
                let mut pairs = Vec::new();
                for (target, value) in &with.assignments {
                    pairs.push(format!("{} = {}", self.target(target)?, self.expr(value)?));
                }
                self.out += &format!("{{% with {} %}}", pairs.join(", "));
                self.body(&with.body)?;
                self.out += "{% endwith %}";
            }
            Stmt::Set(set) => {
                let target = self.target(&set.target)?;
                self.tag(&format!("{{% set {target} = __new("), &set.expr, ") %}")?;
            }
            Stmt::SetBlock(set) => {
                let target = self.target(&set.target)?;
                self.out += "{% set __body %}";
                self.body(&set.body)?;
                let value = match &set.filter {
                    Some(filter) => self.expr(filter)?,
                    None => "__body".to_owned(),
                };
                self.out += &format!("{{% endset %}}{{% set {target} = {value} %}}");
            }
            Stmt::FilterBlock(block) => {
                self.out += "{% set __body %}";
                self.body(&block.body)?;
                self.tag("{% endset %}{{ ", &block.filter, " }}")?;
            }
            Stmt::Macro(item) => {
                let required = item.args.len() - item.defaults.len();
                let mut arguments = Vec::new();
                for (place, argument) in item.args.iter().enumerate() {
                    let name = self.target(argument)?;
                    arguments.push(match place.checked_sub(required) {
                        Some(place) => format!("{name}={}", self.expr(&item.defaults[place])?),
                        None => name,
                    });
                }
                let outside = std::mem::take(&mut self.out);
                self.body(&item.body)?;
                let body = std::mem::replace(&mut self.out, outside);
                if body.contains("varargs") || body.contains("kwargs") {
                    let names = item.args.iter().map(|argument| self.target(argument));
                    let names = names.collect::<Result<Vec<_>, _>>()?;
                    self.open_macros.insert(item.name.to_owned(), names);
                    arguments.push("varargs=()".to_owned());
                    arguments.push("kwargs={}".to_owned());
                }
                let arguments = arguments.join(", ");
                self.out += &format!(
                    "{{% macro {}({arguments}) %}}{body}{{% endmacro %}}",
                    item.name
                );
            }
            Stmt::CallBlock(block) => {
                let CallType::Function(_) = block.call.identify_call() else {
                    return Err(unsupported("a call block of a method"));
                };
                let mut arguments = Vec::new();
                for argument in &block.macro_decl.args {
                    arguments.push(self.target(argument)?);
                }
                let call = self.call(&block.call)?;
                self.out += &format!("{{% call({}) {call} %}}", arguments.join(", "));
                self.body(&block.macro_decl.body)?;
                self.out += "{% endcall %}";
            }
            Stmt::Continue(_) => self.out += "{% continue %}",
            Stmt::Break(_) => self.out += "{% break %}",
            Stmt::Do(call) => {
                let call = self.call(&call.call)?;
                self.out += &format!("{{% do {call} %}}");
            }
            Stmt::Block(_) | Stmt::Extends(_) => return Err(unsupported("inheritance")),
            Stmt::Import(_) | Stmt::FromImport(_) | Stmt::Include(_) => {
                return Err(unsupported("other templates (import, include)"));
            }
            Stmt::Template(_) | Stmt::AutoEscape(_) => return Err(unsupported("autoescape")),
        }
        Ok(())
    }

    /// Writes an expression between two texts.
    fn tag(&mut self, before: &str, expr: &Expr, after: &str) -> Result<(), Error> {
        let expr = self.expr(expr)?;
        for part in [before, &expr, after] {
            self.out += part;
        }
        Ok(())
    }

    /// Writes `if` or `elif` and its branches.
    fn branches(&mut self, word: &str, cond: &IfCond) -> Result<(), Error> {
        self.tag(&format!("{{% {word} "), &cond.expr, " %}")?;
        self.body(&cond.true_body)?;
        match cond.false_body.as_slice() {
            [] => Ok(()),
            [Stmt::IfCond(inner)] => self.branches("elif", inner),
            other => {
                self.out += "{% else %}";
                self.body(other)
            }
        }
    }

    fn constant(&mut self, value: Value) -> String {
        self.constants.push(value);
        format!("__const[{}]", self.constants.len() - 1)
    }

    /// The target of an assignment.
    fn target(&self, target: &Expr) -> Result<String, Error> {
        let list = |items: &[Expr]| {
            let items: Result<Vec<_>, _> = items.iter().map(|item| self.target(item)).collect();
            Ok(format!("({},)", items?.join(", ")))
        };
        match target {
            Expr::Var(var) => Ok(var.id.to_owned()),
            Expr::Tuple(tuple) => list(&tuple.items),
            Expr::List(items) => list(&items.items),
            Expr::GetAttr(attr) => Ok(format!("{}.{}", self.target(&attr.expr)?, attr.name)),
            _ => Err(unsupported("this kind of assignment")),
        }
    }

    fn expr(&mut self, expr: &Expr) -> Result<String, Error> {
        Ok(match expr {
            Expr::Var(var) => var.id.to_owned(),
            Expr::Const(constant) => self.constant(constant.value.clone()),
            Expr::Slice(slice) => {
                let mut parts = vec![self.expr(&slice.expr)?];
                for part in [&slice.start, &slice.stop, &slice.step] {
                    parts.push(match part {
                        Some(part) => self.expr(part)?,
                        None => "none".to_owned(),
                    });
                }
                format!("__slice({})", parts.join(", "))
            }
            Expr::UnaryOp(unary) => {
                let operand = self.expr(&unary.expr)?;
                match unary.op {
                    UnaryOpKind::Not => format!("(not {operand})"),
                    UnaryOpKind::Neg => format!("(-{operand})"),
                }
            }
            Expr::BinOp(binary) => {
                let mut operands = Vec::new();
                self.operands(binary.op, expr, &mut operands)?;
                match binary_name(binary.op) {
                    Err(word) => format!("({})", operands.join(word)),
                    Ok(name) => format!("__op('{name}', {})", operands.join(", ")),
                }
            }
            Expr::Compare(compare) => {
                let mut left = self.expr(&compare.expr)?;
                let mut all = Vec::new();
                for op in &compare.ops {
                    let right = self.expr(&op.expr)?;
                    let name = compare_name(op.op);
                    all.push(format!("__op('{name}', {left}, {right})"));
                    left = right;
                }
                format!("({})", all.join(" and "))
            }
            Expr::IfExpr(choice) => {
                let (test, yes) = (self.expr(&choice.test_expr)?, self.expr(&choice.true_expr)?);
                match &choice.false_expr {
                    Some(no) => format!("({yes} if {test} else {})", self.expr(no)?),
                    None => format!("({yes} if {test})"),
                }
            }
            Expr::Filter(filter) => {
                let value = match &filter.expr {
                    Some(expr) => self.expr(expr)?,
                    None => "__body".to_owned(),
                };
                self.gated("__filter", filter.name, value, &filter.args)?
            }
            Expr::Test(test) => {
                let value = self.expr(&test.expr)?;
                self.gated("__test", test.name, value, &test.args)?
            }
            Expr::GetAttr(attr) => format!("{}.{}", self.expr(&attr.expr)?, attr.name),
            Expr::GetItem(item) => {
                let value = self.expr(&item.expr)?;
                format!("{value}[{}]", self.expr(&item.subscript_expr)?)
            }
            Expr::Call(call) => self.call(call)?,
            Expr::List(list) => format!("__new([{}])", self.list(&list.items)?),
            Expr::Tuple(tuple) if tuple.items.is_empty() => "()".to_owned(),
            Expr::Tuple(tuple) => format!("__new(({},))", self.list(&tuple.items)?),
            Expr::Map(map) => {
                let mut pairs = Vec::new();
                for (key, value) in map.keys.iter().zip(&map.values) {
                    pairs.push(format!("{}: {}", self.expr(key)?, self.expr(value)?));
                }
                format!("__new({{{}}})", pairs.join(", "))
            }
        })
    }

    /// Collects the operands of `a + b + c` in one list, since nested calls could overflow the stack.
    fn operands(&mut self, op: BinOpKind, expr: &Expr, all: &mut Vec<String>) -> Result<(), Error> {
        match expr {
            Expr::BinOp(binary) if same(binary.op, op) && (all.is_empty() || chains(op)) => {
                match &binary.left {
                    Expr::BinOp(inner) if same(inner.op, op) && chains(op) => {
                        self.operands(op, &binary.left, all)?;
                    }
                    left => all.push(self.expr(left)?),
                }
                all.push(self.expr(&binary.right)?);
            }
            other => all.push(self.expr(other)?),
        }
        Ok(())
    }

    fn call(&mut self, call: &Call) -> Result<String, Error> {
        Ok(match call.identify_call() {
            CallType::Function(name) => match self.open_macros.get(name).cloned() {
                Some(parameters) => format!("{name}({})", self.gathered(&call.args, &parameters)?),
                None => format!("{name}({})", self.arguments(&call.args)?),
            },
            CallType::Method(value, name) => {
                let value = self.expr(value)?;
                self.gated("__method", name, value, &call.args)?
            }
            CallType::Block(_) => return Err(unsupported("inheritance")),
            CallType::Object(value) => {
                let value = self.expr(value)?;
                format!("{value}({})", self.arguments(&call.args)?)
            }
        })
    }

    fn gated(
        &mut self,
        gate: &str,
        name: &str,
        value: String,
        arguments: &[CallArg],
    ) -> Result<String, Error> {
        let name = self.constant(Value::from(name));
        let arguments = self.arguments(arguments)?;
        Ok(format!("{gate}({name}, {value}, {arguments})"))
    }

    fn arguments(&mut self, arguments: &[CallArg]) -> Result<String, Error> {
        let mut all = Vec::new();
        for argument in arguments {
            all.push(match argument {
                CallArg::Pos(value) => self.expr(value)?,
                CallArg::Kwarg(name, value) => format!("{name}={}", self.expr(value)?),
                CallArg::PosSplat(value) => format!("*{}", self.expr(value)?),
                CallArg::KwargSplat(value) => format!("**{}", self.expr(value)?),
            });
        }
        Ok(all.join(", "))
    }

    /// The arguments of a macro that takes any: those without a parameter are `varargs` and `kwargs`.
    fn gathered(&mut self, arguments: &[CallArg], parameters: &[String]) -> Result<String, Error> {
        let (mut all, mut more, mut named) = (Vec::new(), Vec::new(), Vec::new());
        for argument in arguments {
            match argument {
                CallArg::Pos(value) if all.len() < parameters.len() => all.push(self.expr(value)?),
                CallArg::Pos(value) => more.push(self.expr(value)?),
                CallArg::Kwarg(name, value) if parameters.iter().any(|known| known == name) => {
                    all.push(format!("{name}={}", self.expr(value)?));
                }
                CallArg::Kwarg(name, value) => {
                    let value = self.expr(value)?;
                    let name = self.constant(Value::from(*name));
                    named.push(format!("{name}: {value}"));
                }
                CallArg::PosSplat(_) | CallArg::KwargSplat(_) => {
                    return Err(unsupported("* and ** in the call of a macro with varargs"));
                }
            }
        }
        let comma = if more.is_empty() { "" } else { "," };
        all.push(format!("varargs=({}{comma})", more.join(", ")));
        all.push(format!("kwargs={{{}}}", named.join(", ")));
        Ok(all.join(", "))
    }

    fn list(&mut self, items: &[Expr]) -> Result<String, Error> {
        let items: Result<Vec<_>, _> = items.iter().map(|item| self.expr(item)).collect();
        Ok(items?.join(", "))
    }
}

fn same(a: BinOpKind, b: BinOpKind) -> bool {
    std::mem::discriminant(&a) == std::mem::discriminant(&b)
}

/// Whether the operands of `a op b op c` may be collected in one list.
fn chains(op: BinOpKind) -> bool {
    use BinOpKind::{Add, Concat, Div, FloorDiv, Mul, Rem, ScAnd, ScOr, Sub};
    matches!(
        op,
        Add | Concat | Sub | Mul | Div | FloorDiv | Rem | ScAnd | ScOr
    )
}

/// The operator's name for `__op`, or as an error the word of a short-circuiting one.
fn binary_name(op: BinOpKind) -> Result<&'static str, &'static str> {
    Ok(match op {
        BinOpKind::ScAnd => return Err(" and "),
        BinOpKind::ScOr => return Err(" or "),
        BinOpKind::Eq => "==",
        BinOpKind::Ne => "!=",
        BinOpKind::Lt => "<",
        BinOpKind::Lte => "<=",
        BinOpKind::Gt => ">",
        BinOpKind::Gte => ">=",
        BinOpKind::Add => "+",
        BinOpKind::Sub => "-",
        BinOpKind::Mul => "*",
        BinOpKind::Div => "/",
        BinOpKind::FloorDiv => "//",
        BinOpKind::Rem => "%",
        BinOpKind::Pow => "**",
        BinOpKind::Concat => "~",
        BinOpKind::In => "in",
    })
}

fn compare_name(op: CompareOpKind) -> &'static str {
    match op {
        CompareOpKind::Eq => "==",
        CompareOpKind::Ne => "!=",
        CompareOpKind::Lt => "<",
        CompareOpKind::Lte => "<=",
        CompareOpKind::Gt => ">",
        CompareOpKind::Gte => ">=",
        CompareOpKind::In => "in",
        CompareOpKind::NotIn => "not in",
    }
}

fn unsupported(what: &str) -> Error {
    Error::new(
        ErrorKind::InvalidOperation,
        format!("it uses {what}, which is not supported"),
    )
}
