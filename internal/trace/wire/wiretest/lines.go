// Package wiretest has lines for tests of what reads traces: a small trace, and
// lines and variables at the borders of what is valid.
package wiretest

import "strings"

// Small is a trace of one process: main calls f twice, the second call raises.
const Small = `{"k":"meta","v":1,"f":"trace-7","pid":7,"ppid":1,"python":"3.11.2","engine":"settrace","argv":["app.py"],"cwd":"/w"}
{"k":"code","c":1,"file":"/w/app.py","name":"main","line":10,"args":[],"kind":""}
{"k":"call","i":1,"p":0,"c":1,"d":0,"n":1,"t":5,"l":0}
{"k":"code","c":2,"file":"/w/app.py","name":"f","line":2,"args":["x"],"kind":""}
{"k":"call","i":2,"p":1,"c":2,"d":1,"n":1,"t":6,"l":11,"a":[["x","1"]]}
{"k":"ret","i":2,"c":2,"t":7,"l":3,"v":{"t":"list","id":1,"n":1,"r":"[1]","lit":1}}
{"k":"call","i":3,"p":1,"c":2,"d":1,"n":2,"t":8,"l":12,"a":[["x","None"]]}
{"k":"raise","i":3,"c":2,"l":3,"e":1,"x":"TypeError","xm":"builtins","msg":"unsupported","v":{"t":"TypeError","id":2,"a":["'unsupported'"]},"ctx":0,"loc":[["x","None"]]}
{"k":"unwind","i":3,"c":2,"t":9,"e":1}
{"k":"pass","i":1,"c":1,"e":1,"l":12}
{"k":"unwind","i":1,"c":1,"t":9,"e":1}
{"k":"count","c":2,"n":2}
{"k":"end","records":8,"dropped":0,"uncalled":0,"faults":0,"oversize":0,"resynced":0,"lost":"","dead":"","t":10}
`

var OddLines = []string{
	"", "null", "true", "5", `"x"`, "[]", "{}", "{", "}", `{"k"}`, `{"k":}`, `{"k":"call",}`, `{,"k":"call"}`, `{"k":"call"}x`, `{"k":"call" "i":1}`,
	`{"k":"call","i":5,"c":1}`, `{"K":"call","I":5,"C":1}`, `{"c":1,"a":[["x","1"]],"i":5,"k":"call"}`, `{"k":"ret","a":[["x","1"]],"k":"call","c":1,"i":5}`,
	`{"k":"call","i":5,"i":null,"c":1}`, `{"k":"call","i":1.0,"c":1}`, `{"k":"call","i":1e1,"c":1}`, `{"k":"call","i":-0,"c":1,"d":-0}`, `{"k":"call","i":01,"c":1}`,
	`{"k":"call","i":5,"c":1,"t":9223372036854775807}`, `{"k":"call","i":5,"c":1,"t":9223372036854775808}`, `{"k":"call","i":5,"c":1,"t":-9223372036854775808}`,
	`{"k":"call","i":1099511627776,"c":1}`, `{"k":"call","i":1099511627777,"c":1}`, `{"k":"call","i":1099511627775,"c":1,"p":4}`, `{"k":"call","i":5,"c":-1}`,
	`{"k":"call","i":5,"c":1,"z":1e999}`, `{"k":"call","i":5,"c":1,"a":[1e999]}`, `{"k":"ret","i":5,"c":1,"v":"1","a":[1e999]}`, `{"k":"call","i":5,"c":1,"l":1e999}`,
	`{"k":"call","i":5,"c":1,"l":3.0}`, `{"k":"call","i":5,"c":1,"l":3.5}`, `{"k":"call","i":5,"c":1,"l":-3}`, `{"k":"call","i":5,"c":1,"l":1e12}`, `{"k":"call","i":5,"c":1,"l":1e13}`,
	`{"k":"call","i":5,"c":1,"l":0.3e1}`, `{"k":"call","i":5,"c":1,"l":.5}`, `{"k":"call","i":5,"c":1,"l":5.}`, `{"k":"call","i":5,"c":1,"l":+5}`, `{"k":"call","i":5,"c":1,"l":5e}`,
	`{"k":"call","i":5,"c":1,"l":"3"}`, `{"k":"call","i":5,"c":1,"l":[3]}`, `{"k":"call","i":5,"c":1,"l":null}`, `{"k":"lines","c":1,"l":[1,2.0,"3",[4],null,-5]}`, `{"k":"lines","c":1,"l":7}`, `{"k":"line","c":1,"l":7}`,
	`{"k":"ret","i":5,"c":1,"v":null}`, `{"k":"ret","i":5,"c":1,"v":5}`, `{"k":"ret","i":5,"c":1,"v":[1,{"a":2}]}`, `{"k":"ret","i":5,"c":1,"v":{}}`, `{"k":"ret","i":5,"c":1,"v":"1","v":"2"}`, `{"k":"ret","i":5,"c":1,"v":"1","v":null}`,
	`{"k":"ret","i":5,"c":1,"v":""}`, `{"k":"call","i":5,"c":1,"a":{}}`, `{"k":"call","i":5,"c":1,"a":"x"}`, `{"k":"ret","i":5,"c":1,"v":"1","a":{}}`, `{"k":"call","i":5,"c":1,"a":[["x","1"]],"a":null}`,
	`{"k":"raise","i":5,"c":1,"e":3,"ctx":-1,"from":{"file":"f","File":"g","line":3},"from":{"name":"n"}}`, `{"k":"raise","i":5,"c":1,"from":null}`, `{"k":"raise","i":5,"c":1,"from":[]}`, `{"k":"raise","i":5,"c":1,"from":{"line":"3"}}`,
	`{"k":"raise","i":5,"c":1,"loc":[["x",{"t":"L"}]],"x":"X","xm":"m","msg":"\u2028\n"}`, `{"k":"call","i":5,"c":1,"df":["a",1,null,"b"]}`, `{"k":"call","i":5,"c":1,"df":null}`, `{"k":"call","i":5,"c":1,"df":"x"}`,
	`{"k":"mark","name":"\ud800","state":"\ud83d\ude00"}`, `{"k":"mark","name":"\ud800\u0041","state":"\ud800\ud800\udc00"}`, `{"k":"mark","name":"\ud800\u00zz"}`, `{"k":"mark","name":"\u12"}`, `{"k":"mark","name":"\'"}`,
	"{\"k\":\"mark\",\"name\":\"a\x01b\"}", "{\"k\":\"mark\",\"name\":\"a\xffb\xe2\x80\"}", "{\"k\":\"mark\",\"name\":\"\x7f\u00e9\"}", "{\"k\" : \"mark\" ,\t\"name\":\r\"a\" }", `{"k":"mark","name":"a`, `{"k":"mark","name":"a\`, `{"k":"mark","name":"a"}}`,
	`{"\u006b":"mark","name":"escaped key"}`, `{"k":"mark","ſtate":"folded","\u212a":"mark"}`, `{"k":"mark","name":"` + strings.Repeat("é", 600) + `"}`, `{"k":5}`, `{"k":null}`, `{"k":"mark","name":nul}`, `{"k":"mark","zz":tru}`, `{"k":"mark","zz":[1,]}`, `{"k":"mark","zz":{"a":1,}}`, `{"k":"mark","zz":{"a" 1}}`, `{"k":"mark","zz":{a:1}}`,
	`{"k":"step","i":5,"c":1,"l":7,"t":3,"s":[["x","1"]],"ta":4}`, `{"k":"br","i":5,"c":1,"l":7,"to":9,"o":1}`, `{"k":"br","i":5,"c":1,"o":"1","to":1.5}`, `{"k":"unwind","i":5,"c":1,"e":0,"s":{},"x":"StopIteration"}`,
	`{"k":"snap","n":1,"at":"a.py:3","hit":2,"i":5,"c":1,"l":3,"t":9,"ts":1700000000.25,"th":0,"stack":[{"file":"a.py","name":"f","line":3,"loc":[["x","1"]]},{"file":5},7,{}],"w":[{"x":"len(x)","v":"3"},{"x":"y","err":"NameError: y"},{"v":null},{"v":5}],"why":"breakpoint","x":"","msg":"m"}`,
	`{"k":"pass","i":1,"c":1,"H":1,"A":2,"l":12}`, "{\"k\":\"pass\",\"i\":1,\"c\":1,\"\x01\":1}", `{"k":"snap","stack":{},"w":5,"ts":"x"}`, `{"k":"call","i":5,"c":1,"late":1,"late":0}`, `{"k":"call","i":5,"c":1,"late":0,"late":1,"gap":3}`, `{"k":"call","i":5,"c":1,"late":11}`, `{"k":"call","i":4294967296,"c":1}`, `{"k":"call","i":4294967295,"c":1,"p":4294967295,"d":70000,"th":70000}`,
	`{"k":"mark","zz":` + strings.Repeat("[", 9999) + strings.Repeat("]", 9999) + `}`, `{"k":"mark","zz":` + strings.Repeat("[", 10000) + strings.Repeat("]", 10000) + `}`,
	`{"k":"mark","zz":` + strings.Repeat(`{"a":`, 9999) + "1" + strings.Repeat("}", 9999) + `}`, `{"k":"call","i":5,"c":1,"a":[["x",` + strings.Repeat("[", 9997) + strings.Repeat("]", 9997) + `]]}`, `{"k":"call","i":5,"c":1,"a":[["x",` + strings.Repeat("[", 9998) + strings.Repeat("]", 9998) + `]]}`,
}

var OddVars = []string{
	`["x","1"]`, `["x"]`, `["x","1","2"]`, `[]`, `[5,"1"]`, `["x",5]`, `["x",null]`, `["x",true]`, `["x",[1,[2]]]`, `"x"`, `5`, `{}`, `null`, `["x",{"t":5,"r":"a"}]`, `["x",{"t":"A","t":5}]`, `["x",{"T":"A","r":"b"}]`,
	`["x",{"t":"A","lit":1,"cut":1,"cyc":1,"masked":1,"id":7,"n":8}]`, `["x",{"lit":1,"lit":0}]`, `["x",{"lit":1.0,"cut":true,"id":"7","n":-1}]`, `["x",{"err":null}]`, `["x",{"err":0}]`, `["x",{"cut":1,"err":null}]`, `["x",{"err":"e","err":null}]`,
	`["x",{"e":["1",{"t":"L"},5,null]}]`, `["x",{"e":5,"a":{},"kv":"","f":1,"cf":null}]`, `["x",{"e":["1"],"e":5}]`, `["x",{"kv":[["1","2"],["1"],["1","2","3"],5,[1,{"t":"D"}]]}]`, `["x",{"kv":[["1","2"]],"kv":[]}]`, `["x",{"f":[["a","1"],["b"],[1,"2"]],"cf":[["c",{"t":"dict","e":[]}]]}]`,
	`["x",{"a":["1"],"zz":[{"t":[1e5,2E-3]}]}]`, `["x",{"n":1e999}]`, `["x",{"zz":1` + strings.Repeat("0", 400) + `}]`, `["x",{"zz":1` + strings.Repeat("0", 300) + `}]`, `["` + strings.Repeat("n", 1500) + `","` + strings.Repeat("v", 9000) + `"]`,
	`["x",` + strings.Repeat(`{"e":[`, 12) + `{"e":["1"]}` + strings.Repeat("]}", 12) + "]", `["x",` + strings.Repeat(`{"e":[`, 13) + `{"e":["1"]}` + strings.Repeat("]}", 13) + "]", `["x",` + strings.Repeat(`{"f":[["a",`, 13) + `"1"` + strings.Repeat("]]}", 13) + "]", `["x",` + strings.Repeat(`{"kv":[["1",`, 13) + `"1"` + strings.Repeat("]]}", 13) + "]",
}
