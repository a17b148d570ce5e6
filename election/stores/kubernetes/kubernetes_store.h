// SPDX-License-Identifier: Apache-2.0
//
// The register in an object of a Kubernetes cluster: a Lease, an Endpoints or a ConfigMap (lock_object.h).
//
//   read     GET without a resourceVersion, which the API server answers from a quorum of its store
//   write    PUT with the known resourceVersion and uid, and all of the object that is not ours as it was; POST to make
//            it. No GET before it: what the last answer or the watch brought is kept. (Should the expected version not
//            be among that, it is read first.)
//   watch    watch.h
//
// Version: the resourceVersion, with the object's uid as tag. It grows over deletion and re-creation, since it is the
// revision of the cluster's etcd; restoring etcd from a backup takes it back. (kubernetes.io documents it as opaque,
// and as a number that grows since KEP-5504; it is refused if it is none.)
//
// What an answer proves: 200 and 201 with our write in the object, applied; the API's own 409, and 404 to a PUT,
// conflict; the API's other 4xx, failed. Everything else may have been applied: 5xx, what is no answer of the API (a
// proxy's page), no answer at all.
#pragma once

#include <memory>
#include <string>

#include "base/event_loop.h"
#include "election/stores/kubernetes/api.h"
#include "election/stores/kubernetes/lock_object.h"
#include "election/stores/store.h"

namespace leasehold::stores::kubernetes {

// `api` is shared with whoever else talks to the cluster. The version of the object that was seen last is left in
// `seen` for those who refer to it.
std::unique_ptr<Store> open_kubernetes_store(EventLoop& loop, std::shared_ptr<Api> api, ObjectName name,
                                             std::shared_ptr<election::Version> seen);

}  // namespace leasehold::stores::kubernetes
