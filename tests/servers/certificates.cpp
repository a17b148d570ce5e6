// SPDX-License-Identifier: Apache-2.0
#include "tests/servers/certificates.h"

#include <stdexcept>
#include <utility>

#include "tests/harness/candidate.h"

namespace leasehold::servers {
namespace {

void openssl(const std::string& output, const std::vector<std::string>& arguments) {
    std::vector<std::string> command{"openssl"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    harness::Process process({.arguments = command, .output = output, .environment = {}});
    if (process.wait() != 0) throw std::runtime_error("openssl failed:\n" + harness::read_file(output));
}

const std::vector<std::string> kNewKey{"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc"};

}  // namespace

CertificateAuthority::CertificateAuthority(std::string folder)
    : folder_(std::move(folder)), own_{folder_ + "/ca.crt", folder_ + "/ca.key"} {
    std::vector<std::string> arguments{
        "req", "-x509", "-days", "30", "-subj", "/CN=leasehold-test-ca", "-keyout", own_.key, "-out", own_.certificate};
    arguments.insert(arguments.end(), kNewKey.begin(), kNewKey.end());
    openssl(folder_ + "/openssl.log", arguments);
}

Certificate CertificateAuthority::server(const std::string& name, const std::vector<std::string>& dns_names) {
    std::string alternatives = "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1";
    for (const std::string& dns_name : dns_names) alternatives += ",DNS:" + dns_name;
    return issue(name, "/CN=" + name, alternatives);
}

Certificate CertificateAuthority::client(const std::string& user, const std::vector<std::string>& groups) {
    std::string subject;
    for (const std::string& group : groups) subject += "/O=" + group;
    return issue("client-" + std::to_string(++issued_), subject + "/CN=" + user, "extendedKeyUsage=clientAuth");
}

Certificate CertificateAuthority::issue(const std::string& name, const std::string& subject,
                                        const std::string& extension) {
    Certificate made{folder_ + '/' + name + ".crt", folder_ + '/' + name + ".key"};
    std::vector<std::string> arguments{"req",     "-x509",
                                       "-days",   "30",
                                       "-CA",     own_.certificate,
                                       "-CAkey",  own_.key,
                                       "-subj",   subject,
                                       "-addext", extension,
                                       "-addext", "basicConstraints=critical,CA:FALSE",
                                       "-keyout", made.key,
                                       "-out",    made.certificate};
    arguments.insert(arguments.end(), kNewKey.begin(), kNewKey.end());
    openssl(folder_ + "/openssl.log", arguments);
    return made;
}

}  // namespace leasehold::servers
