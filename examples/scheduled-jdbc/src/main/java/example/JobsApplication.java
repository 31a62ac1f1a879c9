// SPDX-License-Identifier: Apache-2.0
package example;

import io.keyedlock.annotation.KeyedLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.scheduling.annotation.EnableScheduling;
import org.springframework.scheduling.annotation.Scheduled;
import org.springframework.stereotype.Component;
import org.springframework.stereotype.Service;

/**
 * A job that does not overlap with itself, however many instances of the application run on one database. An instance that
 * starts the job after another one has finished runs it again.
 */
@SpringBootApplication
@EnableScheduling
public class JobsApplication {

    public static void main(String[] args) {
        SpringApplication.run(JobsApplication.class, args);
    }
}

@Component
class NightlyReport {

    private final Reports reports;

    NightlyReport(Reports reports) {
        this.reports = reports;
    }

    @Scheduled(cron = "0 0 2 * * *")
    @KeyedLock(name = "jobs", key = "'nightly report'", policy = KeyedLock.Policy.SKIP)
    public void write() {
        reports.write();
    }
}

@Service
class Reports {

    private static final Logger LOG = LoggerFactory.getLogger(Reports.class);

    void write() {
        LOG.info("Writing the report");
    }
}
