// Spring Boot 3.5 with Spring Security 6.5.
// Checks: signature, alg, iss, aud, exp (60 s of tolerance), typ, and that sub, iat, jti and client_id are present.
// Does not check: revocation. If the key set is unreachable, it responds with 401, because its error page requires a token.
// Without `validateType(false)`, it rejects every typ except JWT before the validator runs.
package example;

import java.util.Map;
import java.util.Objects;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.context.event.ApplicationReadyEvent;
import org.springframework.context.annotation.Bean;
import org.springframework.context.event.EventListener;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.security.oauth2.jose.jws.SignatureAlgorithm;
import org.springframework.security.oauth2.jwt.Jwt;
import org.springframework.security.oauth2.jwt.JwtClaimValidator;
import org.springframework.security.oauth2.jwt.JwtDecoder;
import org.springframework.security.oauth2.jwt.JwtValidators;
import org.springframework.security.oauth2.jwt.NimbusJwtDecoder;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

@SpringBootApplication
@RestController
public class Application {

    public static void main(String[] arguments) {
        SpringApplication application = new SpringApplication(Application.class);
        application.setDefaultProperties(Map.of("server.address", "127.0.0.1", "server.port", System.getenv("PORT")));
        application.run(arguments);
    }

    @Bean
    JwtDecoder jwtDecoder(@Value("${ISSUER}") String issuer, @Value("${AUDIENCE}") String audience) {
        NimbusJwtDecoder decoder = NimbusJwtDecoder.withJwkSetUri(issuer + "/.well-known/jwks.json")
            .jwsAlgorithm(SignatureAlgorithm.ES256)
            .validateType(false)
            .build();
        decoder.setJwtValidator(JwtValidators.createAtJwtValidator()
            .issuer(issuer)
            .audience(audience)
            .validators(each -> each.put("client_id", new JwtClaimValidator<>("client_id", Objects::nonNull)))
            .build());
        return decoder;
    }

    @GetMapping("/protectedRoute")
    Map<String, Object> protectedRoute(@AuthenticationPrincipal Jwt token) {
        return Map.of("message", "This is a protected route", "user", token.getClaims());
    }

    @EventListener(ApplicationReadyEvent.class)
    void ready() {
        System.out.println("listening");
    }
}
