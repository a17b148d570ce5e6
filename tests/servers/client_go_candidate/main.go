// SPDX-License-Identifier: Apache-2.0

// A candidate with client-go's own leader election around a workload, for groups mixed with leasehold's candidates. It
// runs the workload while it leads, kills it before it gives the lock up or when it has lost it, and contends again.
//
//	client_go_candidate -kubeconfig FILE -namespace NAME -name LOCK -identity NAME [OPTION...] [-exec PROGRAM -- ARG...]
//
// SIGTERM and SIGINT end it in order. What happens to the workload when the candidate itself is killed or stopped is
// what happens to most programs of this kind, but for one thing, which -plain takes away: its one process dies with it.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

type options struct {
	kubeconfig, namespace, name, lock, identity string
	leaseDuration, renewDeadline, retryPeriod   time.Duration
	releaseOnCancel, once, plain                bool
	command                                     []string
}

func parse() options {
	var given options
	var program string
	flag.StringVar(&given.kubeconfig, "kubeconfig", "", "how to reach the API server, and as whom")
	flag.StringVar(&given.namespace, "namespace", "default", "of the lock object")
	flag.StringVar(&given.name, "name", "", "of the lock object")
	flag.StringVar(&given.lock, "lock", resourcelock.LeasesResourceLock, "its kind, in client-go's words")
	flag.StringVar(&given.identity, "identity", "", "the holder it writes into the lock")
	flag.DurationVar(&given.leaseDuration, "lease-duration", 15*time.Second, "")
	flag.DurationVar(&given.renewDeadline, "renew-deadline", 10*time.Second, "")
	flag.DurationVar(&given.retryPeriod, "retry-period", 2*time.Second, "")
	flag.BoolVar(&given.releaseOnCancel, "release-on-cancel", false, "give the lock up at the end")
	flag.BoolVar(&given.once, "once", false, "end after the first leadership instead of contending again")
	flag.BoolVar(&given.plain, "plain", false, "the workload outlives a candidate that is killed, as it mostly does")
	flag.StringVar(&program, "exec", "", "the workload; what follows the options are its arguments")
	flag.Parse()
	if given.name == "" || given.identity == "" {
		log.Fatal("-name and -identity are needed")
	}
	if program != "" {
		given.command = append([]string{program}, flag.Args()...)
	}
	return given
}

// versionOf says which resourceVersion the lock object has: a fencing token, if the caller leads and the object's
// holder did not change since.
func versionOf(ctx context.Context, client kubernetes.Interface, given options) (string, error) {
	var object metav1.Object
	var err error
	switch given.lock {
	case resourcelock.EndpointsResourceLock:
		object, err = client.CoreV1().Endpoints(given.namespace).Get(ctx, given.name, metav1.GetOptions{})
	case resourcelock.ConfigMapsResourceLock:
		object, err = client.CoreV1().ConfigMaps(given.namespace).Get(ctx, given.name, metav1.GetOptions{})
	default:
		object, err = client.CoordinationV1().Leases(given.namespace).Get(ctx, given.name, metav1.GetOptions{})
	}
	if err != nil {
		return "", err
	}
	return object.GetResourceVersion(), nil
}

// releasingLock ends the workload before client-go writes a record without a holder, which it also does by itself
// after it failed to renew.
type releasingLock struct {
	resourcelock.Interface
	current *workload
}

func (lock releasingLock) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	if record.HolderIdentity == "" {
		lock.current.end()
	}
	return lock.Interface.Update(ctx, record)
}

// contend takes part in the election until leadership was lost, the workload ended, or told is done.
func contend(told context.Context, config *rest.Config, client kubernetes.Interface, given options) {
	ctx, giveUp := context.WithCancel(context.Background())
	defer giveUp()
	current := newWorkload(given.command, !given.plain, giveUp)
	go func() {
		select {
		case <-told.Done():
			current.end()
			giveUp()
		case <-ctx.Done():
		}
	}()
	lock, err := resourcelock.NewFromKubeconfig(given.lock, given.namespace, given.name,
		resourcelock.ResourceLockConfig{Identity: given.identity}, config, given.renewDeadline)
	if err != nil {
		log.Fatal(err)
	}
	leaderelection.RunOrDie(ctx, leaderelection.LeaderElectionConfig{
		Name:            given.name,
		Lock:            releasingLock{lock, current},
		LeaseDuration:   given.leaseDuration,
		RenewDeadline:   given.renewDeadline,
		RetryPeriod:     given.retryPeriod,
		ReleaseOnCancel: given.releaseOnCancel,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(leading context.Context) {
				version, err := versionOf(leading, client, given)
				if err != nil {
					log.Printf("%s: leads, but cannot read the lock: %v", given.identity, err)
					giveUp()
					return
				}
				log.Printf("%s: leads since version %s", given.identity, version)
				current.start(leading, given.identity, version)
			},
			OnStoppedLeading: func() {
				current.end()
				log.Printf("%s: does not lead", given.identity)
			},
		},
	})
}

func main() {
	log.SetFlags(log.LstdFlags | log.Lmicroseconds)
	given := parse()
	config, err := clientcmd.BuildConfigFromFlags("", given.kubeconfig)
	if err != nil {
		log.Fatal(err)
	}
	told, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	client := kubernetes.NewForConfigOrDie(config)
	for told.Err() == nil {
		contend(told, config, client, given)
		if given.once {
			return
		}
	}
}
