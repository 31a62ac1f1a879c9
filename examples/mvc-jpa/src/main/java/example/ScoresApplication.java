// SPDX-License-Identifier: Apache-2.0
package example;

import io.keyedlock.annotation.KeyedLock;
import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import jakarta.persistence.Version;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.data.jpa.repository.JpaRepository;
import org.springframework.stereotype.Service;
import org.springframework.transaction.annotation.Transactional;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/** Adds to a score per address. Without the lock, requests for one address fail with optimistic locking exceptions. */
@SpringBootApplication
public class ScoresApplication {

    public static void main(String[] args) {
        SpringApplication.run(ScoresApplication.class, args);
    }
}

@RestController
class ScoresController {

    private final Scores scores;

    ScoresController(Scores scores) {
        this.scores = scores;
    }

    @PostMapping("/addresses/{address}/events")
    int add(@PathVariable("address") String address, @RequestParam("severity") int severity) {
        return scores.add(address, severity);
    }
}

@Service
class Scores {

    private final AddressRepository addresses;

    Scores(AddressRepository addresses) {
        this.addresses = addresses;
    }

    @KeyedLock(name = "addresses", key = "#address")
    @Transactional
    public int add(String address, int severity) {
        Address row = addresses.findById(address).orElseGet(() -> new Address(address));
        row.score += severity;
        return addresses.save(row).score;
    }
}

interface AddressRepository extends JpaRepository<Address, String> {}

@Entity
class Address {

    @Id
    String id;

    int score;

    @Version
    Long version;

    Address() {}

    Address(String id) {
        this.id = id;
    }
}
