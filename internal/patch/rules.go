package patch

// A Rule names one rule of the policy.
type Rule string

// The rules on paths.
const (
	RulePath       Rule = "path"         // not a plain relative path: absolute, "..", backslash, control or invisible character, other form of Unicode
	RuleAlias      Rule = "alias"        // another spelling of an existing path, by case, Unicode form or DOS short name
	RuleSymlink    Rule = "symlink"      // leads through or to something that is not a plain directory or file
	RuleHidden     Rule = "hidden-path"  // a name that begins with a dot, including .git and the like
	RuleSteering   Rule = "steering"     // controls the test runner or a program's start-up
	RuleCI         Rule = "ci"           // continuous integration and code ownership
	RuleBuild      Rule = "build"        // how the software is built or deployed
	RuleLock       Rule = "dependencies" // what is installed: requirements and lock files
	RuleAgents     Rule = "agents"       // instructions for coding agents
	RuleTests      Rule = "tests"        // tests
	RuleThirdParty Rule = "third-party"  // installed or vendored code
	RuleExtension  Rule = "extension"    // not a kind of file that may be edited
	RuleShadow     Rule = "shadow"       // a new file or directory that hides a module of the standard library, of the test runner, or of the repository
)

// The rules on texts.
const (
	RuleSize      Rule = "size"      // files, changed lines, bytes, length of a line
	RuleNoChange  Rule = "no-change" // nothing is changed
	RuleBinary    Rule = "binary"    // NUL, control characters, invalid UTF-8, a source encoding other than UTF-8
	RuleInvisible Rule = "invisible" // characters that a reader does not see: bidirectional controls, zero-width, tags
	RuleScripts   Rule = "scripts"   // a word that mixes look-alike alphabets
	RuleSecret    Rule = "secret"    // a credential
)
