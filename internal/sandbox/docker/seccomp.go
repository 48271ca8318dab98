package docker

import (
	"encoding/json"

	"golang.org/x/sys/unix"

	"github.com/repaird/repaird/internal/sandbox"
)

// The engine's format of a seccomp profile.
type profile struct {
	DefaultAction   string        `json:"defaultAction"`
	DefaultErrnoRet uint          `json:"defaultErrnoRet"` // engines before 23 ignore it and answer EPERM
	ArchMap         []archMap     `json:"archMap"`
	Syscalls        []profileCall `json:"syscalls"`
}

type archMap struct {
	Architecture     string   `json:"architecture"`
	SubArchitectures []string `json:"subArchitectures"`
}

type profileCall struct {
	Names    []string     `json:"names"`
	Action   string       `json:"action"`
	ErrnoRet *uint        `json:"errnoRet,omitempty"`
	Args     []profileArg `json:"args,omitempty"`
}

type profileArg struct {
	Index    uint   `json:"index"`
	Value    uint64 `json:"value"`
	ValueTwo uint64 `json:"valueTwo"`
	Op       string `json:"op"`
}

// seccompProfile translates the sandbox's policy. 32-bit architectures are not
// listed, so their calls kill the process.
func seccompProfile() (string, error) {
	eperm, enosys := uint(unix.EPERM), uint(unix.ENOSYS)
	p := profile{
		DefaultAction: "SCMP_ACT_ERRNO", DefaultErrnoRet: enosys,
		ArchMap: []archMap{{Architecture: "SCMP_ARCH_X86_64"}, {Architecture: "SCMP_ARCH_AARCH64"}},
	}
	plain := profileCall{Action: "SCMP_ACT_ALLOW"}
	for _, rule := range sandbox.AllowedSyscalls() {
		if len(rule.Args) == 0 {
			plain.Names = append(plain.Names, rule.Name)
			continue
		}
		call := profileCall{Names: []string{rule.Name}, Action: "SCMP_ACT_ALLOW"}
		for _, a := range rule.Args {
			arg := profileArg{Index: a.Index, Value: a.Mask, ValueTwo: a.Value, Op: "SCMP_CMP_MASKED_EQ"}
			if a.Mask == ^uint64(0) {
				arg = profileArg{Index: a.Index, Value: a.Value, Op: "SCMP_CMP_EQ"}
			}
			call.Args = append(call.Args, arg)
		}
		p.Syscalls = append(p.Syscalls, call)
	}
	p.Syscalls = append(p.Syscalls, plain,
		profileCall{Names: sandbox.RefusedSyscalls(), Action: "SCMP_ACT_ERRNO", ErrnoRet: &eperm},
		profileCall{Names: sandbox.AbsentSyscalls(), Action: "SCMP_ACT_ERRNO", ErrnoRet: &enosys})
	data, err := json.Marshal(p)
	return string(data), err
}
