package attacks

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// contentAttacks are about what structs hold: values, texts, names.
func contentAttacks() []attack {
	any := func(v []byte) []byte { return append([]byte{1}, v...) }
	key := func(k string, json []byte) []byte { return append(text(k), json...) }
	return []attack{
		{name: "values 65 deep", tries: "Nests one level deeper than may be, as arrays, as objects and in the options of a subdocument.",
			sends: holding(refAny, any(deepArrays(65)), any(deepObjects(65)), append(numbers(3), append([]byte{126, 126}, deepArrays(65)...)...)), want: malformed},
		{name: "values 100,000 deep", tries: "Overflows the stack of whoever reads values by calling itself.",
			sends: holding(refAny, any(deepArrays(100_000)), any(deepObjects(100_000)), any(bytes.Repeat([]byte{117, 1}, 1_000_000))), want: malformed},
		{name: "a subdocument's options 65 deep", tries: "Nests where nobody looks.", sends: holding(refDoc, append(text("guid"), deepObjects(65)...), append(text("guid"), deepObjects(100_000)...)), want: malformed},
		{name: "values 64 deep", tries: "Nests as deep as may be.", sends: holding(refAny, any(deepArrays(64)), any(deepObjects(64))), want: acked},
		{name: "JSON 65 deep", tries: "Nests one level deeper than may be, in an embed, a format mark and a JSON value.", sends: func(s *scene) []way {
			return slices.Concat(holding(refEmbed, deepJSON(65), text(strings.Repeat(`{"k":`, 65)+"1"+strings.Repeat("}", 65)))(s), holding(refFormat, key("bold", deepJSON(65)))(s),
				holding(refJSON, append(numbers(1), deepJSON(65)...))(s))
		}, want: malformed},
		{name: "JSON a million deep", tries: "Overflows the stack of whoever parses JSON.", sends: func(s *scene) []way {
			return slices.Concat(holding(refEmbed, deepJSON(1_000_000))(s), holding(refFormat, key("bold", deepJSON(5_000)))(s), holding(refJSON, append(numbers(1), deepJSON(9_000)...))(s))
		}, want: malformed},
		{name: "JSON 64 deep", tries: "Nests as deep as may be.", sends: func(s *scene) []way {
			return slices.Concat(holding(refEmbed, deepJSON(64))(s), holding(refFormat, key("bold", deepJSON(64)))(s), holding(refJSON, append(numbers(1), deepJSON(64)...))(s))
		}, want: acked},
		{name: "JSON that is none", tries: "Has what is no JSON stored where clients parse it.", sends: func(s *scene) (ways []way) {
			for _, bad := range []string{"", "undefined", "{", `{"a":}`, "[1,]", "'x'", "NaN", "Infinity", "01", "1 2", "\x00", `"` + "\n" + `"`, `{"a":1}}`, "nul", "\ufeff{}"} {
				ways = append(ways, holding(refEmbed, text(bad))(s)...)
				ways = append(ways, holding(refFormat, key("bold", text(bad)))(s)...)
			}
			return append(ways, holding(refJSON, append(numbers(1), text("{")...), append(numbers(2), append(text("1"), text("[")...)...))(s)...)
		}, want: malformed},
		{name: "JSON at its edges", tries: "Has JSON stored that comes out otherwise: lone surrogates, huge and tiny numbers, keys of prototypes, a key twice.", sends: func(s *scene) (ways []way) {
			for _, odd := range []string{`"\ud800"`, `{"\udfff":"\ud800\ud800"}`, "1e999", "-0", "1e-999", "123456789012345678901234567890", `{"__proto__":{"polluted":1},"constructor":{"prototype":{}}}`,
				`{"a":1,"a":2}`, `"\u0000"`, " [ ] ", `"\u2028"`} {
				ways = append(ways, holding(refEmbed, text(odd))(s)...)
				ways = append(ways, holding(refJSON, joined(numbers(3), text("undefined"), text(odd), text("null")))(s)...)
			}
			return ways
		}, want: acked},
		{name: "unknown tags", tries: "Has values of kinds that there are not.", sends: func(s *scene) (ways []way) {
			for _, tag := range []byte{0, 1, 64, 100, 115, 128, 255} {
				ways = append(ways, holding(refAny, []byte{1, tag, 0, 0})(s)...)
			}
			return ways
		}, want: malformed},
		{name: "values cut short", tries: "Ends values within numbers, texts, arrays and objects.", sends: holding(refAny, any([]byte{123, 1, 2}), any([]byte{124}), any([]byte{122, 0}), any([]byte{125, 0xff}),
			any([]byte{117, 3, 126}), any([]byte{118, 2, 1, 'k', 126}), any([]byte{119, 9, 'x'}), []byte{2, 126}), want: malformed},
		{name: "integers of more than 53 bits", tries: "Has integers stored that JavaScript throws on.", sends: holding(refAny, any(append([]byte{125}, bytes.Repeat([]byte{0xbf}, 12)...)),
			any(append([]byte{125}, bytes.Repeat([]byte{0xff}, 100)...)), any(append([]byte{125, 0xbf}, numbers(math.MaxUint64)...))), want: malformed},
		{name: "numbers at their edges", tries: "Has numbers stored that are none, or that come out otherwise.", sends: holding(refAny, any(float(math.NaN())), any(float(math.Inf(-1))), any(float(math.Copysign(0, -1))),
			any(float(math.SmallestNonzeroFloat64)), any([]byte{124, 0x7f, 0xc0, 0, 1}), any([]byte{122, 0x80, 0, 0, 0, 0, 0, 0, 0}), any([]byte{125, 0x40}), any(lib0.AppendVarInt([]byte{125}, lib0.MaxSafeInteger, true))), want: acked},
		{name: "keys of prototypes", tries: "Has objects and maps with the keys by which JavaScript objects inherit.", sends: func(s *scene) (ways []way) {
			for _, k := range []string{"__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "", "\x00", strings.Repeat("k", 1<<16)} {
				object := joined([]byte{1, 118, 1}, text(k), []byte{118, 1}, text("polluted"), []byte{120})
				ways = append(ways, over(update(one(s.id(), inText(refAny, object)))), over(update(one(s.id(), atKey("map", k, refAny, object)))),
					over(update(one(s.id(), inText(refFormat, key(k, text("true")))))), over(update(one(s.id(), inRoot(k, refAny, object)))))
			}
			return ways
		}, want: acked},
		{name: "an object with a key 100,000 times", tries: "Has much said of which little remains.",
			sends: holding(refAny, any(append([]byte{118}, repeated(100_000, func(uint64) []byte { return []byte{1, 'k', 126} })...))), want: acked},
		{name: "half a million values", tries: "Has many values under few bytes.", sends: func(s *scene) []way {
			return []way{over(update(one(s.id(), inRoot("list", refAny, joined(numbers(500_000), bytes.Repeat([]byte{126}, 500_000))))))}
		}, want: acked},
		{name: "text that is not UTF-8", tries: "Has bytes stored as text: in a text, a name, a key, a value, a tag's name.", sends: func(s *scene) (ways []way) {
			for _, bad := range []string{"\xff\xfe", "\xc0\x80", "\xed\xa0\x80", "\xed\xa0\xbd\xed\xb8\x80", "\xf4\x90\x80\x80", "ab\xe2\x82", "\x80"} {
				id := s.id()
				for _, st := range [][]byte{
					inText(refString, text(bad)), inRoot(bad, refString, text("x")), atKey("map", bad, refAny, []byte{1, 126}), inText(refAny, append([]byte{1, 119}, text(bad)...)),
					inText(refAny, joined([]byte{1, 118, 1}, text(bad), []byte{126})), inText(refFormat, key(bad, text("1"))), inText(refEmbed, text(`"`+bad+`"`)),
					inText(refType, append(numbers(typeXML), text(bad)...)), inText(refDoc, append(text(bad), 118, 0)),
				} {
					ways = append(ways, over(update(one(id, st))))
				}
			}
			return ways
		}, want: malformed},
		{name: "half of a character", tries: "Deletes one half of a surrogate pair, writes between the halves, and refers to each.", sends: func(s *scene) []way {
			a, b, c := s.id(), s.id(), s.id()
			return []way{over(update(typed(a, 0, "😀😀")), update(deleted(a, 1, 2))), over(update(typed(b, 0, "👩‍👩‍👧")), update(one(s.id(), between(b, 0, b, 1, refString, text("x")))), update(deleted(b, 0, 1))),
				over(update(typed(c, 0, "𝕏")), update(one(s.id(), behind(c, 0, refString, text("y"))))), over(update(deleted(c, 1, 1)))}
		}, want: acked},
		{name: "types of no kind", tries: "Makes types that there are not.", sends: holding(refType, numbers(7), numbers(127), numbers(billion), numbers(1<<53), nil), want: malformed},
		{name: "types of every kind", tries: "Makes types where the text is, with names that break what reads them.", sends: holding(refType, numbers(typeArray), numbers(typeMap), numbers(typeText), append(numbers(typeXML), text("")...),
			append(numbers(typeXML), text("<script>alert(1)</script>")...), append(numbers(typeXML), text(strings.Repeat("p", 1<<16))...), append(numbers(5), text("__proto__")...), numbers(4), numbers(6)), want: acked},
		{name: "subdocuments without options", tries: "Has a subdocument stored whose options throw in every client.", sends: holding(refDoc, append(text("guid"), 126), append(text("guid"), 127), text("guid")), want: malformed},
		{name: "subdocuments in numbers", tries: "Has 1,000 subdocuments made, of one name and with strange options.", sends: func(s *scene) []way {
			id := s.id()
			odd := inRoot("docs", refDoc, append(text("guid"), 117, 0))
			return []way{over(update(written(block(id, 0, slices.Repeat([][]byte{odd, inRoot("docs", refDoc, append(text(""), 119, 0)), inRoot("docs", refDoc, append(text("guid"), 118, 0))}, 333)...))))}
		}, want: acked},
		{name: "names of a megabyte", tries: "Has roots and keys with names that nobody would read.", sends: func(s *scene) []way {
			long := strings.Repeat("name", 1<<18)
			return []way{over(update(one(s.id(), inRoot(long, refString, text("x"))))), over(update(one(s.id(), atKey("map", long, refAny, []byte{1, 126}))))}
		}, want: acked},
	}
}

// float is a number as an any-value.
func float(f float64) []byte { return binary.BigEndian.AppendUint64([]byte{123}, math.Float64bits(f)) }
