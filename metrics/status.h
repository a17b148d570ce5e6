// SPDX-License-Identifier: Apache-2.0
//
// The agent's state as JSON for programs (/status). Pure.
//
// Keys of the JSON object; times and durations in seconds, null for what does not exist at the moment:
//
//   version, identity, election, store, role      strings
//   leading                                       may this instance call itself leader now
//   renewed_within_lease, configured, store_answered, supervisor_connected    booleans, as the health checks see them;
//                                                 the last one is null for a sidecar
//   holder                                        who holds the lease, empty when nobody does or it is not fresh
//   holder_fresh                                  seen within its own lease duration
//   transitions, term, fencing_token              numbers
//   soft_in_seconds, hard_in_seconds              until the running term ends its workload, gently and for good
//   free_in_seconds                               until this instance may try to acquire, if nothing changes
//   role_since_seconds, holder_since_seconds      when the role began, and the holder's term; Unix time
//   lease_left_seconds                            of a fresh holder, unless it renews
//   lease_duration_seconds                        of that lease, as its record says
//   last_reload                                   {number, successful, text} of the configuration while leasehold runs;
//                                                 number is 0 before the first; null for a sidecar
//   paused                                        nothing is done by itself (leasehold pause)
//   hindrances                                    strings: why this instance does not contend
//   last_end                                      {term, released} of the last term that ended here
//   workload                                      {state, pid, last_exit_code, last_output, ready, status, health}; pid
//   is
//                                                 null when there is none; last_output: the lines that it wrote before
//                                                 it last ended, null when they are not captured; ready and health are
//                                                 what was found out last, in words, status what the workload says that
//                                                 it does (null: nobody asks, or nothing); the whole of it is null for
//                                                 a sidecar
//   standby                                       {state, pid, last_exit_code} of workload.standby_command, null when
//                                                 there is none; the state is stopped, running, stopping or backoff
//   last_errors                                   strings, newest last
//   journal                                       [{time_seconds, text}], decisions and why, newest last
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "metrics/endpoints.h"

namespace leasehold::metrics {

std::string status_json(const StatusView& view);
nlohmann::ordered_json status_object(const StatusView& view);

// {"name":"<holder>"}, as leader-elector 0.4 and 0.5 answer; an empty name when nobody is known to hold the lease.
std::string holder_json(const StatusView& view);

}  // namespace leasehold::metrics
