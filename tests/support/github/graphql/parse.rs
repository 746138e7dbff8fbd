//! A document of GraphQL, read into fields with their arguments worked out.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A document with one operation.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) mutation: bool,
    pub(crate) fields: Vec<Field>,
}

/// A field that is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) alias: Option<String>,
    pub(crate) name: String,
    pub(crate) arguments: Map<String, Value>,
    pub(crate) fields: Vec<Field>,
    /// Asked for only where the object has this type.
    pub(crate) only_on: Option<String>,
}

impl Field {
    /// Its name in the answer.
    pub(crate) fn key(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.name)
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Name(String),
    Text(String),
    Number(String),
    Sign(char),
    Spread,
}

/// Reads a document, with values in the place of its variables.
pub(crate) fn document(text: &str, variables: &Value) -> Result<Document, String> {
    let mut reader = Reader {
        tokens: tokens(text)?,
        at: 0,
        variables: variables.as_object().cloned().unwrap_or_default(),
        fragments: BTreeMap::new(),
    };
    reader.find_fragments()?;
    reader.document()
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = if first == '#' {
            let end = rest.find('\n').unwrap_or(rest.len());
            rest = rest[end..].trim_start();
            continue;
        } else if first == ',' {
            rest = rest[1..].trim_start();
            continue;
        } else if first.is_alphabetic() || first == '_' {
            let end = rest.find(|it: char| !it.is_alphanumeric() && it != '_');
            let end = end.unwrap_or(rest.len());
            (Token::Name(rest[..end].to_owned()), end)
        } else if first.is_ascii_digit() || first == '-' {
            let end = rest[1..].find(|it: char| !it.is_ascii_digit() && it != '.');
            let end = end.map_or(rest.len(), |it| it + 1);
            (Token::Number(rest[..end].to_owned()), end)
        } else if first == '"' {
            string(rest)?
        } else if rest.starts_with("...") {
            (Token::Spread, 3)
        } else if "{}()[]:$!=@".contains(first) {
            (Token::Sign(first), 1)
        } else {
            return Err(format!("Unexpected character: {first:?}"));
        };
        found.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(found)
}

/// A text in quotes is read as JSON: its escapes are the same.
fn string(rest: &str) -> Result<(Token, usize), String> {
    let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<String>();
    match stream.next() {
        Some(Ok(text)) => Ok((Token::Text(text), stream.byte_offset())),
        _ => Err("Parse error on a string".to_owned()),
    }
}

struct Reader {
    tokens: Vec<Token>,
    at: usize,
    variables: Map<String, Value>,
    /// Where the fields of each named fragment begin.
    fragments: BTreeMap<String, usize>,
}

impl Reader {
    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn is(&self, sign: char) -> bool {
        self.tokens.get(self.at) == Some(&Token::Sign(sign))
    }

    fn take(&mut self, sign: char) -> bool {
        let is = self.is(sign);
        self.at += usize::from(is);
        is
    }

    fn want(&mut self, sign: char) -> Result<(), String> {
        if self.take(sign) {
            return Ok(());
        }
        let found = self.tokens.get(self.at);
        Err(format!("Parse error: expected {sign:?}, found {found:?}"))
    }

    fn name(&mut self) -> Result<String, String> {
        match self.next() {
            Some(Token::Name(name)) => Ok(name),
            other => Err(format!("Parse error: expected a name, found {other:?}")),
        }
    }

    fn find_fragments(&mut self) -> Result<(), String> {
        let word = |at: usize, tokens: &[Token]| match tokens.get(at) {
            Some(Token::Name(name)) => Some(name.clone()),
            _ => None,
        };
        for at in 0..self.tokens.len() {
            let opens = word(at, &self.tokens).as_deref() == Some("fragment");
            if opens && word(at + 2, &self.tokens).as_deref() == Some("on") {
                let name = word(at + 1, &self.tokens).ok_or("a fragment needs a name")?;
                self.fragments.insert(name, at + 3);
            }
        }
        Ok(())
    }

    fn document(&mut self) -> Result<Document, String> {
        let mut mutation = false;
        if !self.is('{') {
            match self.name()?.as_str() {
                "query" => {}
                "mutation" => mutation = true,
                other => return Err(format!("Parse error on {other:?}")),
            }
            if let Some(Token::Name(_)) = self.tokens.get(self.at) {
                self.at += 1;
            }
            self.definitions()?;
        }
        let fields = self.fields()?;
        Ok(Document { mutation, fields })
    }

    /// `($name: Type! = default, …)`: defaults go where nothing was sent.
    fn definitions(&mut self) -> Result<(), String> {
        if !self.take('(') {
            return Ok(());
        }
        while !self.take(')') {
            self.want('$')?;
            let name = self.name()?;
            self.want(':')?;
            while self.take('[') {}
            self.name()?;
            while self.take(']') || self.take('!') {}
            if self.take('=') {
                let usual = self.value()?;
                self.variables.entry(name).or_insert(usual);
            }
        }
        Ok(())
    }

    fn fields(&mut self) -> Result<Vec<Field>, String> {
        self.want('{')?;
        let mut fields = Vec::new();
        while !self.take('}') {
            if self.tokens.get(self.at) == Some(&Token::Spread) {
                self.at += 1;
                fields.extend(self.spread()?);
            } else {
                fields.push(self.field()?);
            }
        }
        Ok(fields)
    }

    /// `... on Type { … }` or `...name`.
    fn spread(&mut self) -> Result<Vec<Field>, String> {
        let name = self.name()?;
        let (only_on, fields) = if name == "on" {
            (self.name()?, self.fields()?)
        } else {
            let start = self.fragments.get(&name).copied();
            let start =
                start.ok_or_else(|| format!("Fragment {name} was used, but not defined"))?;
            let back = std::mem::replace(&mut self.at, start);
            let fragment = (self.name()?, self.fields()?);
            self.at = back;
            fragment
        };
        let held = fields.into_iter().map(|field| Field {
            only_on: Some(only_on.clone()),
            ..field
        });
        Ok(held.collect())
    }

    fn field(&mut self) -> Result<Field, String> {
        let mut name = self.name()?;
        let mut alias = None;
        if self.take(':') {
            alias = Some(std::mem::replace(&mut name, self.name()?));
        }
        let arguments = self.arguments()?;
        let fields = if self.is('{') {
            self.fields()?
        } else {
            Vec::new()
        };
        Ok(Field {
            alias,
            name,
            arguments,
            fields,
            only_on: None,
        })
    }

    fn arguments(&mut self) -> Result<Map<String, Value>, String> {
        let mut found = Map::new();
        if self.take('(') {
            while !self.take(')') {
                let name = self.name()?;
                self.want(':')?;
                found.insert(name, self.value()?);
            }
        }
        Ok(found)
    }

    fn value(&mut self) -> Result<Value, String> {
        if self.take('$') {
            let name = self.name()?;
            return Ok(self.variables.get(&name).cloned().unwrap_or_default());
        }
        if self.take('[') {
            let mut items = Vec::new();
            while !self.take(']') {
                items.push(self.value()?);
            }
            return Ok(Value::Array(items));
        }
        if self.take('{') {
            let mut object = Map::new();
            while !self.take('}') {
                let name = self.name()?;
                self.want(':')?;
                object.insert(name, self.value()?);
            }
            return Ok(Value::Object(object));
        }
        match self.next() {
            Some(Token::Text(text)) => Ok(Value::String(text)),
            Some(Token::Number(text)) => serde_json::from_str(&text).map_err(|it| it.to_string()),
            Some(Token::Name(word)) => Ok(match word.as_str() {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                "null" => Value::Null,
                _ => Value::String(word),
            }),
            other => Err(format!("Parse error: expected a value, found {other:?}")),
        }
    }
}
