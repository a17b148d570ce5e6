// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"log"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// workload is the program run during one leadership, one process of it: started at most once, and never after end().
type workload struct {
	command []string
	tied    bool   // it dies with the candidate
	onExit  func() // when it ends by itself, or cannot be started

	mutex  sync.Mutex
	ended  bool
	killer func()
	gone   chan struct{}
}

func newWorkload(command []string, tied bool, onExit func()) *workload {
	return &workload{command: command, tied: tied, onExit: onExit}
}

// start runs the program, unless leading is over. Its environment says what leasehold's workloads are told.
func (w *workload) start(leading context.Context, identity, token string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if len(w.command) == 0 || w.ended || leading.Err() != nil {
		return
	}
	process := exec.Command(w.command[0], w.command[1:]...)
	process.Stdout, process.Stderr = os.Stdout, os.Stderr
	process.Env = append(os.Environ(), "LEASEHOLD_IDENTITY="+identity, "LEASEHOLD_FENCING_TOKEN="+token,
		"LEASEHOLD_TERM_ID="+identity+"/"+token)
	if w.tied {
		process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	}
	started := make(chan error)
	w.gone = make(chan struct{})
	go func() {
		runtime.LockOSThread() // the kernel sends Pdeathsig when this thread ends
		defer runtime.UnlockOSThread()
		err := process.Start()
		started <- err
		if err == nil {
			err = process.Wait()
			log.Printf("%s: the workload has ended: %v", identity, err)
		}
		close(w.gone)
		w.onExit()
	}()
	if err := <-started; err != nil {
		log.Printf("%s: cannot start the workload: %v", identity, err)
		return
	}
	w.killer = func() { _ = process.Process.Kill() } // fails only when it has ended
}

// end kills the program if it runs, and returns when it is gone. Nothing is started afterwards.
func (w *workload) end() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.ended = true
	if w.killer != nil {
		w.killer()
		<-w.gone
	}
}
