package bwrap

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/repaird/repaird/internal/sandbox"
)

// Offsets into the kernel's struct seccomp_data.
const (
	offNumber = 0
	offArch   = 4
	offArgs   = 16
)

// x32Bit marks calls through the x32 ABI, which would evade a filter by number.
const x32Bit = 0x40000000

const (
	loadWord    = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	andConst    = unix.BPF_ALU | unix.BPF_AND | unix.BPF_K
	jumpEqual   = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	jumpAtLeast = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
	ret         = unix.BPF_RET | unix.BPF_K
)

type program []unix.SockFilter

func (p *program) add(code uint16, jt, jf uint8, k uint32) {
	*p = append(*p, unix.SockFilter{Code: code, Jt: jt, Jf: jf, K: k})
}

// filter compiles the sandbox's policy for this architecture, in the format of the
// kernel and of bwrap's --seccomp.
func filter() []byte {
	eperm := uint32(unix.SECCOMP_RET_ERRNO | unix.EPERM)
	enosys := uint32(unix.SECCOMP_RET_ERRNO | unix.ENOSYS)
	var p program
	p.add(loadWord, 0, 0, offArch)
	p.add(jumpEqual, 1, 0, auditArch)
	p.add(ret, 0, 0, unix.SECCOMP_RET_KILL_PROCESS)
	p.add(loadWord, 0, 0, offNumber)
	p.add(jumpAtLeast, 0, 1, x32Bit)
	p.add(ret, 0, 0, enosys)

	conditional := map[string]bool{}
	for _, rule := range sandbox.AllowedSyscalls() {
		if nr, ok := syscallNumbers[rule.Name]; ok {
			p.allow(nr, rule.Args)
		}
		if len(rule.Args) > 0 {
			conditional[rule.Name] = true
		}
	}
	for name := range conditional {
		p.answer(name, eperm)
	}
	for _, name := range sandbox.RefusedSyscalls() {
		p.answer(name, eperm)
	}
	p.add(ret, 0, 0, enosys)
	return p.bytes()
}

// answer ends the filter for a call with a fixed return value.
func (p *program) answer(name string, value uint32) {
	if nr, ok := syscallNumbers[name]; ok {
		p.add(jumpEqual, 0, 1, nr)
		p.add(ret, 0, 0, value)
	}
}

// allow allows the call if its arguments match. The accumulator holds the call's
// number before and after.
func (p *program) allow(nr uint32, args []sandbox.SyscallArg) {
	var tests program
	for _, a := range args {
		at := uint32(offArgs + 8*a.Index)
		// The halves are little-endian, as both architectures are.
		tests.test(at, uint32(a.Mask), uint32(a.Value))
		tests.test(at+4, uint32(a.Mask>>32), uint32(a.Value>>32))
	}
	tests.add(ret, 0, 0, unix.SECCOMP_RET_ALLOW)
	for i := range tests {
		if tests[i].Code == jumpEqual { // on a mismatch, jump past the return
			tests[i].Jf = uint8(len(tests) - 1 - i)
		}
	}
	p.add(jumpEqual, 0, uint8(len(tests)), nr)
	*p = append(*p, tests...)
	if len(args) > 0 {
		p.add(loadWord, 0, 0, offNumber)
	}
}

func (p *program) test(offset, mask, value uint32) {
	p.add(loadWord, 0, 0, offset)
	p.add(andConst, 0, 0, mask)
	p.add(jumpEqual, 0, 0, value)
}

func (p program) bytes() []byte {
	var b []byte
	for _, i := range p {
		b = binary.NativeEndian.AppendUint16(b, i.Code)
		b = append(b, i.Jt, i.Jf)
		b = binary.NativeEndian.AppendUint32(b, i.K)
	}
	return b
}
