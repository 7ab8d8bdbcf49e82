//! JSON as the golden vectors have it: objects, lists, text without escapes, integers, true, false and null.

use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    Null,
    Bool(bool),
    Int(i64),
    Text(String),
    List(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

impl Json {
    /// The value of a text; an error says what is wrong, and at which byte.
    pub fn parse(text: &str) -> Result<Json, String> {
        let mut reader = Reader { bytes: text.as_bytes(), place: 0 };
        let value = reader.value()?;
        if reader.peek().is_some() { Err(format!("something follows at byte {}", reader.place)) } else { Ok(value) }
    }

    /// A member of an object; null where there is none.
    pub fn get(&self, key: &str) -> &Json {
        match self { Json::Object(members) => members.get(key).unwrap_or(&Json::Null), _ => &Json::Null }
    }

    pub fn members(&self) -> impl Iterator<Item = (&String, &Json)> {
        match self { Json::Object(members) => Some(members), _ => None }.into_iter().flatten()
    }

    pub fn list(&self) -> &[Json] {
        match self { Json::List(values) => values, _ => &[] }
    }

    pub fn text(&self) -> &str {
        match self { Json::Text(text) => text, _ => "" }
    }

    pub fn int(&self) -> Option<i64> {
        match self { Json::Int(value) => Some(*value), _ => None }
    }

    /// A list of integers.
    pub fn ints(&self) -> Vec<i64> {
        self.list().iter().filter_map(Json::int).collect()
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    place: usize,
}

impl Reader<'_> {
    /// The next byte that is no blank.
    fn peek(&mut self) -> Option<u8> {
        while self.bytes.get(self.place).is_some_and(u8::is_ascii_whitespace) { self.place += 1; }
        self.bytes.get(self.place).copied()
    }

    fn expect(&mut self, byte: u8) -> Result<(), String> {
        if self.peek() != Some(byte) { return Err(format!("{:?} is expected at byte {}", byte as char, self.place)); }
        self.place += 1;
        Ok(())
    }

    fn word(&mut self, stop: impl Fn(u8) -> bool) -> String {
        let from = self.place;
        while self.bytes.get(self.place).is_some_and(|byte| !stop(*byte)) { self.place += 1; }
        String::from_utf8_lossy(&self.bytes[from..self.place]).into_owned()
    }

    fn text(&mut self) -> Result<String, String> {
        self.expect(b'"')?;
        let word = self.word(|byte| byte == b'"' || byte == b'\\');
        if self.bytes.get(self.place) != Some(&b'"') { return Err(format!("no escape at byte {}", self.place)); }
        self.place += 1;
        Ok(word)
    }

    /// Members between two brackets, with commas in between.
    fn each(&mut self, open: u8, close: u8, mut member: impl FnMut(&mut Self) -> Result<(), String>) -> Result<(), String> {
        self.expect(open)?;
        if self.peek() != Some(close) {
            member(self)?;
            while self.peek() == Some(b',') { self.place += 1; member(self)?; }
        }
        self.expect(close)
    }

    fn value(&mut self) -> Result<Json, String> {
        match self.peek() {
            Some(b'{') => {
                let mut members = BTreeMap::new();
                self.each(b'{', b'}', |reader| {
                    let key = reader.text()?;
                    reader.expect(b':')?;
                    let value = reader.value()?;
                    members.insert(key, value);
                    Ok(())
                })?;
                Ok(Json::Object(members))
            }
            Some(b'[') => {
                let mut values = Vec::new();
                self.each(b'[', b']', |reader| { values.push(reader.value()?); Ok(()) })?;
                Ok(Json::List(values))
            }
            Some(b'"') => self.text().map(Json::Text),
            _ => match self.word(|byte| b",]}".contains(&byte) || byte.is_ascii_whitespace()).as_str() {
                "null" => Ok(Json::Null),
                "true" => Ok(Json::Bool(true)),
                "false" => Ok(Json::Bool(false)),
                word => word.parse().map(Json::Int).map_err(|_| format!("{word:?} is no integer, before byte {}", self.place)),
            },
        }
    }
}
