package crdt_test

import (
	"math"
	"strings"
	"testing"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

func TestAppendJSON(t *testing.T) {
	for _, c := range []struct {
		name string
		v    any
		want string
	}{
		{"nothing", lib0.Undefined{}, ""},
		{"null", nil, "null"},
		{"both truths", []any{true, false}, "[true,false]"},
		{"undefined in a list and in an object", []any{lib0.Undefined{}, lib0.Object{{Key: "u", Value: lib0.Undefined{}}, {Key: "n", Value: nil}}}, `[null,{"n":null}]`},
		{"an empty object, an empty list", []any{lib0.Object{}, []any{}, []any(nil), lib0.Object(nil)}, "[{},[],[],{}]"},
		{"indexes come first, in ascending order", lib0.Object{{Key: "b", Value: 1}, {Key: "10", Value: 2}, {Key: "01", Value: 3}, {Key: "9", Value: 4}, {Key: "4294967295", Value: 5}, {Key: "4294967294", Value: 6}, {Key: "a", Value: 7}}, `{"9":4,"10":2,"4294967294":6,"b":1,"01":3,"4294967295":5,"a":7}`},
		{"bytes are an object of their indexes", []byte{0, 255}, `{"0":0,"1":255}`},
		{"no bytes", []byte{}, "{}"},
		{"what JavaScript refuses", lib0.BigInt(math.MinInt64), "-9223372036854775808"},
		{"a subdocument", crdt.Subdoc{GUID: "g"}, "{}"},
		{"what nobody reads", struct{}{}, "null"},
		{"escapes", "\"\\/\b\f\n\r\t\x00\x1f\x7f<\u2028😀", `"\"\\/\b\f\n\r\t\u0000\u001f` + "\x7f<\u2028😀\""},
		{"what is no UTF-8", "a\xffb\xc3", "\"a\ufffdb\ufffd\""},
		{"not a number", []any{math.NaN(), math.Inf(1), math.Inf(-1)}, "[null,null,null]"},
		{"integers", []any{0, -1, int64(1) << 53, 1e15, float32(16777216), math.Copysign(0, -1)}, "[0,-1,9007199254740992,1000000000000000,16777216,0]"},
		{"fractions", []any{0.1, 1.0 / 3, float32(0.5), math.Nextafter(0.3, 1), 123456.789}, "[0.1,0.3333333333333333,0.5,0.30000000000000004,123456.789]"},
		{"where exponents begin", []any{1e20, 123456789012345680000.0, 1e21, 1.5e21, 1e-6, 1.5e-6, 1e-7, 1.5e-7, 1e-10}, "[100000000000000000000,123456789012345680000,1e+21,1.5e+21,0.000001,0.0000015,1e-7,1.5e-7,1e-10]"},
		{"the ends of the range", []any{math.MaxFloat64, -math.SmallestNonzeroFloat64, 1e100}, "[1.7976931348623157e+308,-5e-324,1e+100]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := string(crdt.AppendJSON([]byte("before:"), c.v)); got != "before:"+c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// TestReadJSON reads values that are JSON texts on the wire, as JSON.parse does.
func TestReadJSON(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"null", "null"},
		{"true", "true"},
		{"false", "false"},
		{" [ 1 , 2.5e3 , -0 ] ", "[1,2500,-0]"},
		{"1e999", "Infinity"},
		{"-1e-999", "-0"},
		{` { "b" : [ ] , "a" : { } } `, `{"b":[],"a":{}}`},
		{`{"a":1,"b":2,"a":3}`, `{"a":3,"b":2}`},
		{`{"__proto__":1}`, `{"__proto__":1}`},
		{`"\"\\\/\b\f\n\r\té😀x"`, `"\"\\/\b\f\n\r\té😀x"`},
		{`"\ud83d\ude00"`, `"😀"`},
		{`"\ud83d"`, "\"\ufffd\""},
		{`"\ude00\ud83d\u0041"`, "\"\ufffd\ufffdA\""},
		{`"\ud83d\ud83d\ude00"`, "\"\ufffd😀\""},
		{`"\ud83dx"`, "\"\ufffdx\""},
		{`{"k\u0065y":"é"}`, `{"key":"é"}`},
	} {
		t.Run(c.text, func(t *testing.T) {
			ops := root(t, placed(5, -1, -1, text(c.text))).Delta()
			if got := show(ops[0].Insert); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
	old := root(t, placed(2, -1, -1, append([]byte{2}, append(text("undefined"), text(`{"a":[null]}`)...)...)))
	if got := show(old.As(crdt.KindArray).JSON()); got != `[undefined,{"a":[null]}]` {
		t.Errorf("the values of old Yjs: %s", got)
	}
}

// TestReadAny reads any-values, which JavaScript assigns to an object's keys one by one.
func TestReadAny(t *testing.T) {
	for _, c := range []struct {
		v    any
		want string
	}{
		{lib0.Object{{Key: "a", Value: 1}, {Key: "b", Value: 2}, {Key: "a", Value: 3}}, `{"a":3,"b":2}`},
		{lib0.Object{{Key: "__proto__", Value: lib0.Object{}}, {Key: "a", Value: 1}}, `{"a":1}`},
		{[]any{1.5, float32(0.25), math.Copysign(0, -1), lib0.BigInt(7), []byte{9}, nil, lib0.Undefined{}}, "[1.5,0.25,-0,7n,bytes(9),null,undefined]"},
	} {
		if got := show(slicesOf(root(t, placed(8, -1, -1, values(t, c.v))))); got != "["+c.want+"]" {
			t.Errorf("%s, want [%s]", got, c.want)
		}
	}
}

func slicesOf(t crdt.Type) []any {
	var all []any
	for v := range t.All() {
		all = append(all, v)
	}
	return all
}

// TestReadingCopies holds that a reader can do as he likes with what he reads.
func TestReadingCopies(t *testing.T) {
	b := update(1, 0, placed(8, -1, -1, values(t, []byte{1}, lib0.Object{{Key: "k", Value: []byte{2}}})), placed(3, 1, -1, text("\x03")))
	d := integrated(t, b)
	r, _ := d.Root("xml")
	for range 2 {
		list := slicesOf(r)
		if got := show(list); got != `[bytes(1),{"k":bytes(2)},bytes(3)]` {
			t.Fatal(got)
		}
		list[0].([]byte)[0] = 9
		list[1].(lib0.Object)[0].Value.([]byte)[0] = 9
		list[2].([]byte)[0] = 9
	}
}

// TestDeepReading reads types nested deeper than a stack should be, and what is made of them.
func TestDeepReading(t *testing.T) {
	const n = 100_000
	nested := func(inner func(i int) []byte, body ...byte) crdt.Type {
		return root(t, append([][]byte{placed(7, -1, -1, body)}, repeated(n-1, inner)...)...)
	}
	inList := func(body ...byte) crdt.Type {
		return nested(func(i int) []byte { return placed(7, -1, i, body) }, body...)
	}
	underKey := func(body ...byte) crdt.Type {
		return nested(func(i int) []byte { return keyed(i, "k", 7, body) }, body...)
	}
	p := append([]byte{3}, text("p")...)
	for _, c := range []struct{ name, got, want string }{
		{"arrays", string(crdt.AppendJSON(nil, inList(0).As(crdt.KindArray))), strings.Repeat("[", n+1) + strings.Repeat("]", n+1)},
		{"maps", string(crdt.AppendJSON(nil, underKey(1).As(crdt.KindArray))), "[" + strings.Repeat(`{"k":`, n-1) + "{}" + strings.Repeat("}", n-1) + "]"},
		{"texts", inList(6).As(crdt.KindXMLFragment).XML(), ""},
		{"fragments", inList(4).As(crdt.KindXMLFragment).XML(), ""},
		{"elements", inList(p...).As(crdt.KindXMLFragment).XML(), strings.Repeat("<p>", n) + strings.Repeat("</p>", n)},
		{"attributes", underKey(p...).As(crdt.KindXMLFragment).XML(), strings.Repeat(`<p k="`, n-1) + "<p></p>" + strings.Repeat(`"></p>`, n-1)},
		{"nodes", string(crdt.AppendJSON(nil, crdt.ProseMirror(inList(p...)))), `{"type":"doc","content":[` + strings.Repeat(`{"type":"p","content":[`, n-1) + `{"type":"p"}` + strings.Repeat("]}", n)},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", c.name, short(c.got), short(c.want))
		}
	}
}

func repeated(n int, f func(i int) []byte) [][]byte {
	made := make([][]byte, n)
	for i := range made {
		made[i] = f(i)
	}
	return made
}
